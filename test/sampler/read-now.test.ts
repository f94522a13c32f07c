/** A read that somebody asks for: one more reading, and the slots do not notice. On a virtual clock. */
import { expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import type { EventSensor, PolledSensor } from '../../src/driver.ts';
import { SedgeError } from '../../src/errors.ts';
import { createSampler } from '../../src/sampler/sampler.ts';
import type { Measurement, SampledSensor } from '../../src/sampler/types.ts';
import { outcomeOf } from '../rig.ts';

const START_MS = 5_000;

function bench(read: () => Promise<number>, rest: Partial<SampledSensor> = {}) {
  const clock = virtualClock({ monoMs: START_MS });
  const taken: Measurement[] = [];
  const sampler = createSampler({
    clock,
    stamp: (monoMs) => ({ wallMs: clock.now() - (clock.monotonic() - monoMs), monoMs, synced: true }),
    sink: (measurement) => void taken.push(measurement),
  });
  const sensor: SampledSensor = {
    id: 'air',
    kind: 'poll',
    schedule: { kind: 'every', everyMs: 1_000, align: false, jitterMs: 0 },
    deadlineMs: 500,
    open: async (): Promise<PolledSensor> => ({ read: async () => ({ value: await read() }), close: async () => {} }),
    ...rest,
  };
  return { clock, sampler, sensor, times: () => taken.map(({ at }) => at.monoMs - START_MS) };
}

it('is one more reading between two slots, which come when they would have come', async () => {
  const { clock, sampler, sensor, times } = bench(async () => 1);
  await sampler.add(sensor);
  await clock.advance(1_300);
  const asked = sampler.readNow('air');
  await clock.advance(0);
  await asked;
  await clock.advance(1_700);
  expect(times()).toEqual([0, 1_000, 1_300, 2_000, 3_000]);
  expect(sampler.health().air).toEqual({ state: 'online', reads: 5, failures: 0, missed: 0 });
  await sampler.stop();
});

it('does not make a slot late that comes while it is under way: that one is served behind it', async () => {
  let readMs = 0;
  const { clock, sampler, sensor, times } = bench(async () => {
    await clock.sleep(readMs);
    return 1;
  });
  await sampler.add(sensor);
  await clock.advance(950);
  readMs = 100;
  const asked = sampler.readNow('air');
  await clock.advance(550);
  await asked;
  expect(times()).toEqual([0, 1_050, 1_150]);
  expect(sampler.health().air?.missed).toBe(0);
  await sampler.stop();
});

it('joins a read that is under way, however many ask', async () => {
  let reads = 0;
  const { clock, sampler, sensor } = bench(async () => {
    await clock.sleep(100);
    reads += 1;
    return 1;
  });
  await sampler.add(sensor);
  await clock.advance(1_050);
  const asked = [sampler.readNow('air'), sampler.readNow('air')];
  await clock.advance(100);
  await Promise.all(asked);
  expect(reads).toBe(2);
  await sampler.stop();
});

it('fails as the sensor fails, and at once while it is away', async () => {
  let isPlugged = true;
  const { clock, sampler, sensor } = bench(async () => {
    if (!isPlugged) throw new SedgeError('bus.nack', 'nothing acknowledges at 0x76');
    return 1;
  });
  await sampler.add(sensor);
  await clock.advance(100);
  isPlugged = false;
  const asked = outcomeOf(sampler.readNow('air'));
  await clock.advance(0);
  expect(await asked).toEqual({ code: 'bus.nack' });
  expect(await outcomeOf(sampler.readNow('air'))).toEqual({ code: 'bus.nack' });
  await sampler.stop();
});

it('is refused for what speaks by itself, for what is not there, and by a sampler that stops', async () => {
  const watching: EventSensor = {
    async *watch(signal) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
    close: async () => {},
  };
  const { clock, sampler, sensor } = bench(() => new Promise(() => {}));
  await sampler.add(sensor);
  await sampler.add({ id: 'door', kind: 'event', deadlineMs: 500, open: async () => watching });
  await clock.advance(0);
  expect(await outcomeOf(sampler.readNow('door'))).toEqual({ code: 'sensor.not-polled' });
  expect(await outcomeOf(sampler.readNow('aire'))).toEqual({ code: 'sensor.unknown' });
  const asked = outcomeOf(sampler.readNow('air'));
  const stopped = sampler.stop();
  await clock.advance(1_000);
  await stopped;
  expect(await asked).toEqual({ code: 'sensor.stopped' });
});
