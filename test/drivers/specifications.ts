/** What the tests of several drivers ask in the same way: specifications, called inside `describe`, and a chip to ask. */
import { expect, it } from 'vitest';
import type { I2cSimulation } from '../../src/bus/sim.ts';
import type { Intercept } from '../../src/bus/simulated-i2c.ts';
import type { Options, PollDriver } from '../../src/driver.ts';
import { answering, i2cRig, type Surroundings } from '../rig.ts';

/** A reply with a checksum is read, and not believed any more when a single bit of it is turned over, or its end is missing. */
export function believesNoWrongBit(reply: Uint8Array, expected: unknown, decode: (reply: Uint8Array) => unknown): void {
  it('believes no reply in which a single bit is wrong, or which is short', () => {
    expect(decode(reply)).toEqual(expected);
    for (let bit = 0; bit < reply.length * 8; bit++) {
      const flipped = reply.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(decode(flipped), `bit ${bit}`).toBeUndefined();
    }
    expect(decode(reply.subarray(0, -1))).toBeUndefined();
  });
}

/** Bytes in hex by the register that they are read from. */
type Replies = Readonly<Record<number, string>>;

/** What is refused at open, by the registers of the chip that answers instead, and what is said of it. */
export function refusesAtOpen(
  driver: PollDriver<'i2c'>,
  simulation: I2cSimulation,
  others: readonly (readonly [what: string, replies: Replies, message: RegExp])[],
): void {
  it.each(others)('refuses %s at open', async (_what, replies, message) => {
    const { open } = i2cRig(driver, simulation, { intercept: answering(replies) });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });
}

/** What is refused in a read, by the registers that are wrong since the sensor was opened, in the time that was promised. */
export function refusesInRead(
  driver: PollDriver<'i2c'>,
  simulation: I2cSimulation,
  wrongs: readonly (readonly [what: string, replies: Replies, code: string, options?: Options])[],
): void {
  const rows = wrongs.map(([what, wrong, code, options = {}]) => ({ what, wrong, code, options }));
  it.each(rows)('refuses $what in a read', async ({ wrong, code, options }) => {
    const stage: { replies: Replies } = { replies: {} };
    const intercept: Intercept = (...all) => answering(stage.replies)(...all);
    const { open, clock, options: all } = i2cRig(driver, simulation, { options, intercept });
    const sensor = await open();
    stage.replies = wrong;
    const beganMs = clock.monotonic();
    await expect(sensor.read(new AbortController().signal)).rejects.toMatchObject({ code });
    const worstCaseMs = driver.variant?.(all).worstCaseMs ?? driver.worstCaseMs;
    expect(clock.monotonic() - beganMs).toBeLessThanOrEqual(worstCaseMs);
  });
}

/** A simulated chip without its driver, asked at the wire. Bytes that are read are in hex. */
export function bareChip(driver: PollDriver<'i2c'>, simulation: I2cSimulation, surroundings: Surroundings) {
  const { clock, world } = i2cRig(driver, simulation, { surroundings });
  const chip = simulation.create(world);
  const write = (...bytes: number[]) => chip.write(Uint8Array.from(bytes));
  /** Null when it is not acknowledged. */
  const hear = (length: number) => {
    const bytes = chip.read(length);
    return bytes && Buffer.from(bytes).toString('hex');
  };
  const hex = (register: number, length: number) => {
    write(register);
    return hear(length) ?? '';
  };
  return {
    world,
    write,
    hear,
    hex,
    /** A command of two bytes. */
    say: (command: number) => write(command >> 8, command & 0xff),
    word: (register: number) => hex(register, 2),
    pass: (ms: number) => clock.sleep(ms),
  };
}
