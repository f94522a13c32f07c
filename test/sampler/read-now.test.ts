/** A read that is asked for beside the slots, and other slots for a sensor that stays open. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { SedgeError } from '../../src/errors.ts';
import { createSampler } from '../../src/sampler/sampler.ts';
import type { SampledSensor, Schedule } from '../../src/sampler/types.ts';

const every = (everyMs: number): Schedule => ({ kind: 'every', everyMs, align: false, jitterMs: 0 });

function bench() {
  const clock = virtualClock({ wallMs: Date.UTC(2026, 10, 22, 12), monoMs: 0 });
  const times: number[] = [];
  const sampler = createSampler({
    clock,
    stamp: (monoMs) => ({ wallMs: clock.now() - (clock.monotonic() - monoMs), monoMs, synced: true }),
    sink(measurement) {
      times.push(measurement.at.monoMs);
      return `reading ${times.length}`;
    },
  });
  return { clock, sampler, times };
}
function sensor(clock: ReturnType<typeof virtualClock>, rest: { readMs?: number; fail?: () => boolean } = {}) {
  const life = { opens: 0 };
  const air: SampledSensor = {
    id: 'air',
    kind: 'poll',
    schedule: every(1_000),
    deadlineMs: 500,
    async open() {
      life.opens += 1;
      return {
        async read(signal) {
          if (rest.readMs !== undefined) await clock.sleep(rest.readMs, signal);
          if (rest.fail?.()) throw new SedgeError('bus.nack', 'Nobody answers.');
          return { value: 1 };
        },
        close: async () => {},
      };
    },
  };
  return { air, life };
}
const outcome = (promise: Promise<string>) => promise.then(String, (error) => (error as SedgeError).code);

describe('a read that is asked for', () => {
  it('is taken at once, and every slot stays where it was', async () => {
    const { clock, sampler, times } = bench();
    await sampler.add(sensor(clock).air);
    await clock.advance(2_400);
    const asked = sampler.read('air');
    await clock.advance(1_600);
    expect(await asked).toBe('reading 4');
    expect(times).toEqual([0, 1_000, 2_000, 2_400, 3_000, 4_000]);
    expect(sampler.health().air).toMatchObject({ reads: 6, missed: 0, failures: 0 });
    await sampler.stop();
  });

  it('that is under way when a slot comes does not cost the slot', async () => {
    const { clock, sampler, times } = bench();
    await sampler.add(sensor(clock, { readMs: 100 }).air);
    await clock.advance(950);
    const asked = sampler.read('air');
    await clock.advance(1_500);
    expect(await asked).toBe('reading 2');
    // Ends of the reads: the slot of 1000 began when the asked one ended, at 1050.
    expect(times).toEqual([100, 1_050, 1_150, 2_100]);
    expect(sampler.health().air).toMatchObject({ missed: 0 });
    await sampler.stop();
  });

  it('is shared by all who ask before it begins', async () => {
    const { clock, sampler, times } = bench();
    await sampler.add(sensor(clock).air);
    await clock.advance(100);
    const asked = [sampler.read('air'), sampler.read('air')];
    await clock.advance(1);
    expect(await Promise.all(asked)).toEqual(['reading 2', 'reading 2']);
    expect(times).toHaveLength(2);
    await sampler.stop();
  });

  it('fails with the error of the sensor, which then goes offline as after a slot; offline it is refused at once', async () => {
    const { clock, sampler } = bench();
    let broken = false;
    await sampler.add(sensor(clock, { fail: () => broken }).air);
    await clock.advance(100);
    broken = true;
    const asked = outcome(sampler.read('air'));
    await clock.advance(1);
    expect(await asked).toBe('bus.nack');
    expect(sampler.health().air).toMatchObject({ state: 'offline', failures: 1 });
    expect(await outcome(sampler.read('air'))).toBe('bus.nack');
    await sampler.stop();
  });

  it('of a sensor that hangs ends at its deadline, and at the stop', async () => {
    const { clock, sampler } = bench();
    await sampler.add({ ...sensor(clock, { readMs: 10_000 }).air });
    const late = outcome(sampler.read('air'));
    await clock.advance(1_200);
    expect(await late).toBe('sensor.deadline');
    await clock.advance(1_500);
    await sampler.stop();
    expect(await outcome(sampler.read('air'))).toMatch(/^sensor\./);
  });

  it('while it starts is served when it is open, or refused with why it does not open', async () => {
    const { clock, sampler } = bench();
    const { air } = sensor(clock);
    await sampler.add({
      ...air,
      async open() {
        await clock.sleep(300);
        throw new SedgeError('bus.missing', 'No bus 7.');
      },
    });
    const asked = outcome(sampler.read('air'));
    await clock.advance(400);
    expect(await asked).toBe('bus.missing');
    await sampler.stop();
  });

  it('is refused for what is not there, and for sensors that are not polled', async () => {
    const { clock, sampler } = bench();
    await sampler.add({
      ...sensor(clock).air,
      id: 'shock',
      kind: 'counter',
      open: async () => ({
        run: (signal) => clock.sleep(1e9, signal),
        take: () => ({ count: 0 }),
        close: async () => {},
      }),
    });
    expect(await outcome(sampler.read('deep'))).toBe('sensor.unknown');
    expect(await outcome(sampler.read('shock'))).toBe('sensor.not-read');
    await sampler.stop();
  });
});

describe('another schedule', () => {
  it('moves the slots and leaves the sensor open', async () => {
    const { clock, sampler, times } = bench();
    const { air, life } = sensor(clock);
    await sampler.add(air);
    await clock.advance(1_100);
    await sampler.reschedule('air', every(300));
    await clock.advance(800);
    await sampler.reschedule('air', every(1_000));
    await clock.advance(1_200);
    // On the grids of the origin.
    expect(times).toEqual([0, 1_000, 1_200, 1_500, 1_800, 2_000, 3_000]);
    expect(life.opens).toBe(1);
    expect(sampler.health().air).toMatchObject({ missed: 0 });
    await sampler.stop();
  });
});
