import { describe, expect, it } from 'vitest';
import { simulatedMux } from '../../src/bus/mux.sim.ts';
import { muxedBus, unmuxedBus } from '../../src/bus/mux.ts';
import type { SimulatedChip } from '../../src/bus/sim.ts';
import { simulatedI2cBus } from '../../src/bus/simulated-i2c.ts';
import { virtualClock } from '../../src/clock.ts';
import { SedgeError } from '../../src/errors.ts';

const NOTHING = new Uint8Array(0);
/** A chip that always answers with one byte. */
const answering = (byte: number): SimulatedChip => ({
  write: () => true,
  read: (length) => new Uint8Array(length).fill(byte),
});

/** Two multiplexers at 0x70 and 0x71; chips at 0x44 everywhere: on channels 3 and 5 of the first and 3 of the second. */
function setUp() {
  let fail = 0;
  const bus = simulatedI2cBus({
    intercept: (_address, _tx, _rxLength, pass) => {
      if (fail > 0 && fail-- === 1) throw new SedgeError('bus.nack', 'injected');
      return pass();
    },
  });
  const first = simulatedMux();
  const second = simulatedMux();
  bus.attach(0x70, first);
  bus.attach(0x71, second);
  first.attach(3, 0x44, answering(0x13));
  first.attach(5, 0x44, answering(0x15));
  second.attach(3, 0x44, answering(0x23));
  const read = async (view: { transfer: typeof bus.transfer }) => (await view.transfer(0x44, NOTHING, 1))[0];
  const failNext = (transfers: number) => {
    fail = transfers;
  };
  return { bus, read, failNext };
}

describe('a sensor behind a multiplexer', () => {
  it('is reached through its channel, which is selected once', async () => {
    const { bus, read } = setUp();
    const view = muxedBus(bus, 0x70, 3);
    expect(await read(view)).toBe(0x13);
    expect(await read(view)).toBe(0x13);
    expect(bus.transcript).toEqual(['0x70 w 08', '0x44 r 13', '0x44 r 13']);
  });

  it('is told from one with the same address on another channel, however their transfers mix', async () => {
    const { bus, read } = setUp();
    const three = muxedBus(bus, 0x70, 3);
    const five = muxedBus(bus, 0x70, 5);
    const replies = await Promise.all([three, five, five, three, five].map(read));
    expect(replies).toEqual([0x13, 0x15, 0x15, 0x13, 0x15]);
  });

  it('is told from one behind another multiplexer: that one is switched off first', async () => {
    const { bus, read } = setUp();
    const one = muxedBus(bus, 0x70, 3);
    const two = muxedBus(bus, 0x71, 3);
    expect([await read(one), await read(two), await read(one)]).toEqual([0x13, 0x23, 0x13]);
    expect(bus.transcript.filter((line) => line.startsWith('0x7'))).toEqual([
      '0x71 w 00',
      '0x70 w 08',
      '0x70 w 00',
      '0x71 w 08',
      '0x71 w 00',
      '0x70 w 08',
    ]);
  });

  it('is told from one with the same address beside the multiplexer', async () => {
    const { bus, read } = setUp();
    const inside = muxedBus(bus, 0x70, 3);
    const outside = unmuxedBus(bus);
    bus.attach(0x44, answering(0x01));
    bus.detach(0x71);
    // A plain bus would meet whatever the multiplexer was left at.
    await bus.transfer(0x70, Uint8Array.of(0x08), 0);
    expect(await read(bus)).toBe(0x13);
    expect([await read(outside), await read(inside), await read(outside)]).toEqual([0x01, 0x13, 0x01]);
  });

  it('has its channel selected again after any error', async () => {
    const { bus, read, failNext } = setUp();
    const view = muxedBus(bus, 0x70, 3);
    await read(view);
    failNext(1);
    await expect(read(view)).rejects.toMatchObject({ code: 'bus.nack' });
    expect(await read(view)).toBe(0x13);
    expect(bus.transcript).toEqual(['0x70 w 08', '0x44 r 13', '0x44 r failed', '0x70 w 08', '0x44 r 13']);
  });

  it('has its channel selected again after a while, in case another program switched it', async () => {
    const { bus, read } = setUp();
    const clock = virtualClock();
    const view = muxedBus(bus, 0x70, 3, clock);
    await read(view);
    await clock.advance(1_000);
    await bus.transfer(0x70, Uint8Array.of(0x20), 0);
    expect(await read(view)).toBe(0x13);
  });

  it('fails, and nothing is read, when the channel cannot be selected', async () => {
    const { bus, read, failNext } = setUp();
    failNext(1);
    await expect(read(muxedBus(bus, 0x70, 3))).rejects.toMatchObject({ code: 'bus.nack' });
    expect(bus.transcript).toEqual(['0x70 w 08 failed']);
  });

  it('works while another multiplexer is gone', async () => {
    const { bus, read } = setUp();
    const view = muxedBus(bus, 0x70, 3);
    muxedBus(bus, 0x72, 1);
    expect(await read(view)).toBe(0x13);
  });

  it('can be behind two multiplexers, one after the other', async () => {
    const { bus, read } = setUp();
    const outer = simulatedMux();
    const inner = simulatedMux();
    bus.attach(0x73, outer);
    outer.attach(1, 0x74, inner);
    inner.attach(2, 0x44, answering(0x99));
    expect(await read(muxedBus(muxedBus(bus, 0x73, 1), 0x74, 2))).toBe(0x99);
  });
});

describe('the simulated multiplexer', () => {
  it('connects no channel after power-on, and gives its register back', async () => {
    const { bus } = setUp();
    await expect(bus.transfer(0x44, NOTHING, 1)).rejects.toMatchObject({ code: 'bus.nack' });
    expect([...(await bus.transfer(0x70, NOTHING, 1))]).toEqual([0]);
    await bus.transfer(0x70, Uint8Array.of(0x28), 0);
    expect([...(await bus.transfer(0x70, NOTHING, 1))]).toEqual([0x28]);
    expect([...(await bus.transfer(0x44, NOTHING, 1))]).toEqual([0x13 & 0x15]);
  });
});
