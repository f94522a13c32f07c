/**
 * Simulates a device of the kernel's hardware monitoring that has inputs of all kinds, under the configured name.
 *
 * Models: integers in thousandths (power and energy in millionths), a fault flag that is clear, a read that takes some
 * milliseconds. Written from the kernel's Documentation/hwmon/sysfs-interface.rst.
 * Does not model: which inputs a chip of this name has, the steps and errors of a chip, limits and alarms. The fan stands.
 */
import type { FilesSimulation, SimulatedFile } from '../src/bus/sim.ts';

const READ_MS = 10;
const INPUTS = [1, 2, 3, 4];

/** The bus that a chip with this name of its own is on. */
const busOf = (address: string): string =>
  /^\d+-[0-9a-f]{4}$/.test(address) ? 'i2c' : address.startsWith('spi') ? 'spi' : 'platform';

export const simulation: FilesSimulation = {
  bus: 'files',
  create({ value }, { name = 'lm75', address }) {
    const directory = '/sys/class/hwmon/hwmon0';
    const scaled = (unit: number, what: (monoMs: number) => number): SimulatedFile => ({
      readMs: READ_MS,
      read: (endMs) => `${Math.round(what(endMs) * unit)}\n`,
    });
    const volts = (monoMs: number) => value('voltage', monoMs);
    const amperes = (monoMs: number) => value('current', monoMs);
    const files: Record<string, SimulatedFile> = {
      [`${directory}/name`]: `${name}\n`,
      [`${directory}/in0_input`]: scaled(1_000, volts),
    };
    if (address !== undefined)
      files[`/sys/bus/${busOf(String(address))}/devices/${address}/hwmon/hwmon0/name`] = `${name}\n`;
    for (const input of INPUTS) {
      files[`${directory}/temp${input}_input`] = scaled(1_000, (monoMs) => value('temperature', monoMs));
      files[`${directory}/temp${input}_fault`] = '0\n';
      files[`${directory}/humidity${input}_input`] = scaled(1_000, (monoMs) => value('humidity', monoMs));
      files[`${directory}/in${input}_input`] = scaled(1_000, volts);
      files[`${directory}/curr${input}_input`] = scaled(1_000, amperes);
      files[`${directory}/power${input}_input`] = scaled(1e6, (monoMs) => volts(monoMs) * amperes(monoMs));
      files[`${directory}/fan${input}_input`] = '0\n';
    }
    return () => files;
  },
};
