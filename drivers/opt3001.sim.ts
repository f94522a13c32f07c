/**
 * A simulated OPT3001, transcribed from the datasheet: word registers, ids, automatic and fixed ranges, measuring once and
 * continuously with the longest time each takes, a second measurement when the automatic range does not fit, ready bit
 * that reading clears, overflow, a measurement that a write to the configuration begins anew.
 * Does not model: limits and the interrupt, fault count, the mask of the exponent.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const [RESULT, CONFIGURATION, MAKER, CHIP] = [0x00, 0x01, 0x7e, 0x7f];
const WRITABLE = 0xfe1f;
const AUTOMATIC = 12;
const HIGHEST = 11;

function create({ clock, value }: World) {
  const words = new Map([
    [RESULT, 0x0000],
    [CONFIGURATION, 0xc810],
    [0x02, 0xc000],
    [0x03, 0xbfff],
    [MAKER, 0x5449],
    [CHIP, 0x3001],
  ]);
  let pointer = 0;
  /** The exponent that the last measurement had. */
  let exponent = 0;
  let endMs: number | undefined;

  const configuration = () => words.get(CONFIGURATION)!;
  const mode = () => (configuration() >> 9) & 3;
  const mantissaAt = (range: number, atMs: number) => Math.round(value('illuminance', atMs) / (0.01 * 2 ** range));
  const fittingExponent = (atMs: number) => {
    let range = 0;
    while (range < HIGHEST && mantissaAt(range, atMs) > 0xfff) range += 1;
    return range;
  };
  const durationMs = (fromMs: number): number => {
    const longestMs = configuration() & 0x0800 ? 880 : 110;
    const mustLook = configuration() >> 12 === AUTOMATIC && fittingExponent(fromMs) !== exponent;
    return mustLook ? 2 * longestMs : longestMs;
  };
  const settle = () => {
    while (endMs !== undefined && endMs <= clock.monotonic() + 1e-9) {
      const range = configuration() >> 12;
      exponent = range === AUTOMATIC ? fittingExponent(endMs) : Math.min(range, HIGHEST);
      const mantissa = Math.max(0, mantissaAt(exponent, endMs));
      words.set(RESULT, (exponent << 12) | Math.min(mantissa, 0xfff));
      const flags = 0x0080 | (mantissa > 0xfff ? 0x0100 : 0);
      const isOnce = mode() === 1;
      words.set(CONFIGURATION, (configuration() & ~(isOnce ? 0x0700 : 0x0100)) | flags);
      endMs = isOnce ? undefined : endMs + durationMs(endMs);
    }
  };

  return {
    write([register, high, low]: Uint8Array): boolean {
      settle();
      if (register === undefined) return true;
      pointer = register;
      if (high === undefined || low === undefined || register === RESULT || register > 0x03) return true;
      const word = (high << 8) | low;
      words.set(register, register === CONFIGURATION ? word & WRITABLE : word);
      if (register === CONFIGURATION) {
        const nowMs = clock.monotonic();
        endMs = mode() === 0 ? undefined : nowMs + durationMs(nowMs);
      }
      return true;
    },
    read(length: number): Uint8Array {
      settle();
      const word = words.get(pointer) ?? 0;
      if (pointer === CONFIGURATION) words.set(CONFIGURATION, word & ~0x0080);
      return Uint8Array.of(word >> 8, word & 0xff).subarray(0, length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
