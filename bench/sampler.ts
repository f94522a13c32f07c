/**
 * `npm run bench:sampler [-- --seconds S]`: what sampling costs, as one object of JSON.
 *
 * - `registers`: whole reads of drivers through simulated chips, register by register, on one core; time is simulated, so
 *   only work counts.
 * - `jitter`: how late a 100 Hz sensor is beside 50 slow ones, against a bare timer on hrtime in the same process at the
 *   same time. Machines differ and are noisy: read the ratio.
 * - `burst`: processor time of one burst of a simulated accelerometer, and of its features alone.
 * - `storm`: pulses of a storm of edges, through the queue of a GPIO line.
 * - `memory`: RSS of `sedge run --simulate` with 200 sensors on chips (Linux; `npm run build` first).
 */
import { parseArgs } from 'node:util';
import { measureBurst } from './sampler/burst.ts';
import { measureJitter } from './sampler/jitter.ts';
import { measureMemory } from './sampler/memory.ts';
import { measureRegisters } from './sampler/registers.ts';
import { measureStorm } from './sampler/storm.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '10' } },
});
const forMs = Number(values.seconds) * 1_000;
const PARTS: Readonly<Record<string, () => Promise<unknown>>> = {
  registers: () => measureRegisters(forMs / 5),
  burst: measureBurst,
  storm: measureStorm,
  jitter: () => measureJitter(forMs),
  memory: measureMemory,
};
const result: Record<string, unknown> = { node: process.version };
for (const name of positionals.length > 0 ? positionals : Object.keys(PARTS)) result[name] = await PARTS[name]?.();
console.log(JSON.stringify(result, null, 2));
