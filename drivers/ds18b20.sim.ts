/**
 * Simulates a DS18B20 as the kernel's driver shows it: the directory of one chip on 1-Wire.
 *
 * Models: the scratchpad with its checksum and the counting byte 6, sixteenths of a degree cut to thousandths, 750 ms for each
 * read of `w1_slave` and `temperature`. Written from the datasheet and the kernel's Documentation/w1/slaves/w1_therm.rst.
 * Does not model: other resolutions, parasite power, other families, waiting for other chips on the wire.
 */
import type { FilesSimulation, SimulatedFile } from '../src/bus/sim.ts';

const CONVERSION_MS = 750;
const DEFAULT_ADDRESS = '28-00000a1b2c3d';
/** TH, TL, configuration for 12 bits, reserved 0xff (datasheet, "Memory map"). */
const SETTINGS = [0x4b, 0x46, 0x7f, 0xff];

/** Maxim's CRC: x^8 + x^5 + x^4 + 1, least significant bit first. */
function maximCrc(bytes: readonly number[]): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x8c : crc >> 1;
  }
  return crc;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

export const simulation: FilesSimulation = {
  bus: 'files',
  create({ value }, { address = DEFAULT_ADDRESS }) {
    const directory = `/sys/bus/w1/devices/${String(address).toLowerCase()}`;
    const measure = (monoMs: number): { readonly milli: number; readonly bytes: string; readonly crc: string } => {
      const sixteenths = Math.max(-55 * 16, Math.min(125 * 16, Math.round(value('temperature', monoMs) * 16)));
      const count = 16 - (sixteenths & 15);
      const scratchpad = [sixteenths & 0xff, (sixteenths >> 8) & 0xff, ...SETTINGS, count, 0x10];
      const crc = maximCrc(scratchpad);
      const bytes = [...scratchpad, crc].map(hex).join(' ');
      return { milli: Math.trunc((sixteenths * 1_000) / 16), bytes, crc: hex(crc) };
    };
    const files: Readonly<Record<string, SimulatedFile>> = {
      [`${directory}/name`]: `${directory.split('/').at(-1)}\n`,
      [`${directory}/w1_slave`]: {
        readMs: CONVERSION_MS,
        read(endMs) {
          const { milli, bytes, crc } = measure(endMs);
          return `${bytes} : crc=${crc} YES\n${bytes} t=${milli}\n`;
        },
      },
      [`${directory}/temperature`]: { readMs: CONVERSION_MS, read: (endMs) => `${measure(endMs).milli}\n` },
    };
    return () => files;
  },
};
