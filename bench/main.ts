/**
 * `npm run bench [-- PART...]`: the figures of the README, as JSON. Parts: start, idle, throughput, formats, size, vibration, flood; all
 * of them unless named. Whole processes, as a user starts them, against Debian's Mosquitto on loopback. Machines differ and are
 * noisy: read the ratios.
 */
import { measureFlood } from './flood.ts';
import { measureFormats } from './formats.ts';
import { measureIdle } from './idle.ts';
import { measureSize } from './size.ts';
import { measureStart } from './start.ts';
import { measureThroughput } from './throughput.ts';
import { measureVibration } from './vibration.ts';

const PARTS = {
  start: measureStart,
  idle: measureIdle,
  throughput: measureThroughput,
  formats: measureFormats,
  size: measureSize,
  vibration: measureVibration,
  flood: measureFlood,
};
type Part = keyof typeof PARTS;

const named = process.argv.slice(2) as Part[];
const unknown = named.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) {
  console.error(`there is no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
for (const name of named.length > 0 ? named : (Object.keys(PARTS) as Part[])) {
  console.log(JSON.stringify({ [name]: await PARTS[name]() }, null, 2));
}
