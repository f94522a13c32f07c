import { describe, expect, it } from 'vitest';
import { simulatedConverter } from '../../src/bus/converter.ts';
import { wordRegisterChip } from '../../src/bus/word-registers.ts';
import { virtualClock } from '../../src/clock.ts';

describe('a chip with word registers', () => {
  const rig = () => {
    const registers = new Map([
      [0, 0x1234],
      [1, 0x56],
    ]);
    const chip = wordRegisterChip({
      read: (register) => registers.get(register) ?? 0,
      write: (register, value) => void registers.set(register, value),
      oneByte: [1],
    });
    const hex = (length: number) => Buffer.from(chip.read(length) ?? []).toString('hex');
    return { chip, registers, hex };
  };

  it('answers with the register at the pointer, most significant byte first, and does not count up', () => {
    const { chip, hex } = rig();
    expect(hex(2)).toBe('1234');
    chip.write(Uint8Array.of(1));
    expect([hex(1), hex(1)]).toEqual(['56', '56']);
    chip.write(Uint8Array.of(0));
    expect(hex(4)).toBe('1234ffff');
  });

  it('takes over a whole value, and none that was broken off', () => {
    const { chip, registers } = rig();
    chip.write(Uint8Array.of(0, 0xab));
    expect(registers.get(0)).toBe(0x1234);
    chip.write(Uint8Array.of(0, 0xab, 0xcd));
    chip.write(Uint8Array.of(1, 0xef));
    expect([...registers]).toEqual([
      [0, 0xabcd],
      [1, 0xef],
    ]);
  });
});

describe('a simulated converter', () => {
  it('converts once', async () => {
    const clock = virtualClock({ automatic: true, monoMs: 100 });
    const converter = simulatedConverter(clock);
    expect(converter.ended()).toBeUndefined();
    converter.start('once', 10);
    await clock.sleep(9.9);
    expect([converter.ended(), converter.busy]).toEqual([undefined, true]);
    await clock.sleep(50);
    expect([converter.ended(), converter.busy]).toEqual([110, false]);
    expect(converter.ended()).toBeUndefined();
  });

  it('converts again and again until it is stopped, and tells of the newest result', async () => {
    const clock = virtualClock({ automatic: true, monoMs: 100 });
    const converter = simulatedConverter(clock);
    converter.start('always', 10);
    await clock.sleep(35);
    expect([converter.ended(), converter.ended(), converter.busy]).toEqual([130, undefined, true]);
    converter.stop();
    await clock.sleep(35);
    expect([converter.ended(), converter.busy]).toEqual([undefined, false]);
  });
});
