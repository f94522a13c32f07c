/** `--simulate` from end to end: each driver, configured by its own example, finds its chip's simulation at its place. */
import { describe, it } from 'vitest';
import { drivers } from '../drivers/index.ts';
import { simulations } from '../drivers/sim.ts';
import { example } from '../src/cli/drivers.ts';
import { virtualClock } from '../src/clock.ts';
import { parseConfig } from '../src/config/load.ts';
import type { PolledSensor } from '../src/driver.ts';
import { hardware } from '../src/hardware.ts';
import { sampledSensor, variantOf } from '../src/sensors.ts';
import { expectDeclared } from './conformance.ts';

describe('simulated hardware', () => {
  const polled = Object.keys(simulations).filter((name) => drivers[name]?.kind === 'poll');

  it.each(polled)('lets %s measure, configured by its own example', async (name) => {
    const clock = virtualClock({ automatic: true });
    const parsed = await parseConfig(example(name, drivers[name]!), {
      file: 'sedge.yaml',
      env: {},
      cwd: '/',
      drivers,
      hostname: 'hall',
    });
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
    const { makeBuses } = await hardware({ simulate: true, clock });
    const buses = makeBuses(parsed.config);
    const [sensor] = parsed.config.sensors;
    await buses.put(sensor!);
    const open = (await sampledSensor(sensor!, buses, clock).open(new AbortController().signal)) as PolledSensor;
    const values = await open.read(new AbortController().signal);
    expectDeclared(values, variantOf(sensor!.driver, sensor!.options).channels);
    await open.close();
    await buses.close();
  });
});
