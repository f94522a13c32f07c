import { describe, expect, it } from 'vitest';
import { faultIntercept, noisyWorld, type SimulatedFault } from '../../src/bus/faults.ts';
import { faultyLine } from '../../src/bus/faulty-line.ts';
import type { SimulatedWire, World } from '../../src/bus/sim.ts';
import { simulatedGpioLine } from '../../src/bus/simulated-gpio.ts';
import { virtualClock } from '../../src/clock.ts';
import { codeOf } from '../../src/errors.ts';

const REPLY = Uint8Array.of(0x55, 0xaa, 0x0f);

function setUp(faults: readonly SimulatedFault[], sensor = 'air', seed = 1) {
  const clock = virtualClock({ automatic: true });
  let unplugged = 0;
  const onUnplug = () => {
    unplugged += 1;
  };
  const intercept = faultIntercept({ faults, clock, seed, sensor, onUnplug });
  const transfer = (rxLength = REPLY.length) =>
    intercept(0x44, Uint8Array.of(1), rxLength, async () => REPLY.subarray(0, rxLength));
  const outcome = async () => transfer().then((reply) => (reply.join() === REPLY.join() ? 'ok' : 'damaged'), codeOf);
  const outcomes = async (count: number) => {
    const all: unknown[] = [];
    for (let index = 0; index < count; index++) all.push(await outcome());
    return all;
  };
  return { clock, transfer, outcomes, unplugged: () => unplugged };
}

describe('faults of a simulated chip', () => {
  it('are none unless asked for', async () => {
    expect(await setUp([]).outcomes(3)).toEqual(['ok', 'ok', 'ok']);
  });

  it('strike the first transfers, with times', async () => {
    expect(await setUp([{ kind: 'nack', times: 2 }]).outcomes(4)).toEqual(['bus.nack', 'bus.nack', 'ok', 'ok']);
  });

  it('strike a share of them, with a rate, the same ones for the same seed', async () => {
    const fault = { kind: 'nack', rate: 0.1 } as const;
    const outcomes = await setUp([fault]).outcomes(2_000);
    const struck = outcomes.filter((each) => each === 'bus.nack').length;
    expect(struck).toBeGreaterThan(150);
    expect(struck).toBeLessThan(250);
    expect(await setUp([fault]).outcomes(2_000)).toEqual(outcomes);
    expect(await setUp([fault], 'air', 2).outcomes(2_000)).not.toEqual(outcomes);
  });

  it('strike a share of them until they struck often enough, with both', async () => {
    const outcomes = await setUp([{ kind: 'nack', rate: 0.5, times: 3 }]).outcomes(100);
    expect(outcomes.filter((each) => each === 'bus.nack')).toHaveLength(3);
    expect(outcomes.slice(0, 3)).not.toEqual(['bus.nack', 'bus.nack', 'bus.nack']);
  });

  it('keep their sequence whatever other faults there are', async () => {
    const nack = { kind: 'nack', rate: 0.2 } as const;
    const alone = await setUp([nack]).outcomes(200);
    const together = await setUp([nack, { kind: 'crc', rate: 0.5 }]).outcomes(200);
    expect(together.map((each) => each === 'bus.nack')).toEqual(alone.map((each) => each === 'bus.nack'));
  });

  it('hang: the adapter gives up after a second', async () => {
    const { clock, outcomes } = setUp([{ kind: 'hang', times: 1 }]);
    const beganMs = clock.monotonic();
    expect(await outcomes(1)).toEqual(['bus.timeout']);
    expect(clock.monotonic() - beganMs).toBe(1_000);
  });

  it('slow: the reply is right but late', async () => {
    const { clock, outcomes } = setUp([{ kind: 'slow', times: 1 }]);
    const beganMs = clock.monotonic();
    expect(await outcomes(1)).toEqual(['ok']);
    expect(clock.monotonic() - beganMs).toBe(200);
  });

  it('crc: one bit of a reply is flipped; a write has no reply to damage', async () => {
    const { transfer } = setUp([{ kind: 'crc', times: 1 }]);
    await transfer(0);
    const damaged = await transfer();
    const bits = [...damaged].map((byte, at) => (byte ^ REPLY[at]!).toString(2).replaceAll('0', '').length);
    expect(bits.reduce((sum, count) => sum + count)).toBe(1);
    expect(await transfer()).toEqual(REPLY);
  });

  it('unplug: nobody answers for 5 s, and the chip has lost its power', async () => {
    const { clock, outcomes, unplugged } = setUp([{ kind: 'unplug', times: 1 }]);
    expect(await outcomes(2)).toEqual(['bus.nack', 'bus.nack']);
    await clock.sleep(4_999);
    expect(await outcomes(1)).toEqual(['bus.nack']);
    await clock.sleep(1);
    expect(await outcomes(2)).toEqual(['ok', 'ok']);
    expect(unplugged()).toBe(1);
  });

  it('noise: on what is measured, and not on states and counts', () => {
    const clock = virtualClock();
    const world: World = { clock, value: () => 20, random: () => 0 };
    const noisy = noisyWorld(world, { faults: [{ kind: 'noise', rate: 0.5 }], seed: 1, sensor: 'air' });
    const values = Array.from({ length: 100 }, () => noisy.value('temperature'));
    expect(values.filter((value) => value === 20).length).toBeGreaterThan(20);
    expect(values.some((value) => Math.abs(value - 20) > 1)).toBe(true);
    expect(values.every((value) => Math.abs(value - 20) <= 3)).toBe(true);
    expect(Array.from({ length: 20 }, () => noisy.value('contact'))).toEqual(Array(20).fill(20));
    expect(noisyWorld(world, { faults: [{ kind: 'nack', rate: 1 }], seed: 1, sensor: 'air' })).toBe(world);
  });
});

describe('faults of a simulated line', () => {
  /** Changes each second: high in odd ones. */
  const blinking: SimulatedWire = {
    level: (monoMs) => (Math.floor(monoMs / 1_000) % 2) as 0 | 1,
    nextEdge(monoMs) {
      const second = Math.floor(monoMs / 1_000) + 1;
      return { level: (second % 2) as 0 | 1, monoMs: second * 1_000 };
    },
  };
  const lineWith = (faults: readonly SimulatedFault[]) => {
    const clock = virtualClock({ automatic: true, monoMs: 10_500 });
    const line = simulatedGpioLine({ wire: blinking, clock });
    return { clock, line: faultyLine(line, { faults, clock, seed: 1, sensor: 'door' }) };
  };
  const take = async (line: ReturnType<typeof faultyLine>, count: number) => {
    const stop = new AbortController();
    const taken: string[] = [];
    for await (const { level, monoMs } of line.edges(stop.signal)) {
      if (taken.push(`${level}@${monoMs}`) === count) stop.abort();
    }
    return taken;
  };

  it('are none unless asked for', async () => {
    const { line } = lineWith([]);
    expect(await line.read()).toBe(0);
    expect(await take(line, 2)).toEqual(['1@11000', '0@12000']);
  });

  it('unplug: the line is lost, for reads and edges, and comes back', async () => {
    const { clock, line } = lineWith([{ kind: 'unplug', times: 1 }]);
    await expect(line.read()).rejects.toMatchObject({ code: 'bus.missing' });
    await expect(take(line, 1)).rejects.toMatchObject({ code: 'bus.missing' });
    await clock.sleep(5_000);
    expect(await line.read()).toBe(1);
    expect(await take(line, 1)).toEqual(['0@16000']);
  });

  it('hang: edges go unseen and are counted as lost', async () => {
    const { line } = lineWith([{ kind: 'hang', times: 1 }]);
    expect(await take(line, 1)).toEqual(['0@12000']);
    expect(line.lostEdges).toBe(1);
  });

  it('hang: a read ends with a timeout after a second', async () => {
    const { clock, line } = lineWith([{ kind: 'hang', times: 1 }]);
    await expect(line.read()).rejects.toMatchObject({ code: 'bus.timeout' });
    expect(clock.monotonic()).toBe(11_500);
  });

  it('slow: an edge comes late with the time it happened', async () => {
    const { clock, line } = lineWith([{ kind: 'slow', times: 1 }]);
    expect(await take(line, 1)).toEqual(['1@11000']);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(11_200);
  });

  it('noise: a short spike follows an edge', async () => {
    const { line } = lineWith([{ kind: 'noise', times: 1 }]);
    expect(await take(line, 4)).toEqual(['1@11000', '0@11000.05', '1@11000.1', '0@12000']);
  });
});
