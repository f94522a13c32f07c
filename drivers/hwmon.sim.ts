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
    return (monoMs) => {
      const scaled = (what: string, unit: number) => ({
        text: `${Math.round(value(what, monoMs) * unit)}\n`,
        readMs: READ_MS,
      });
      const files: Record<string, SimulatedFile> = {
        [`${directory}/name`]: `${name}\n`,
        [`${directory}/in0_input`]: scaled('voltage', 1_000),
      };
      if (address !== undefined)
        files[`/sys/bus/${busOf(String(address))}/devices/${address}/hwmon/hwmon0/name`] = `${name}\n`;
      for (const input of INPUTS) {
        files[`${directory}/temp${input}_input`] = scaled('temperature', 1_000);
        files[`${directory}/temp${input}_fault`] = '0\n';
        files[`${directory}/humidity${input}_input`] = scaled('humidity', 1_000);
        files[`${directory}/in${input}_input`] = scaled('voltage', 1_000);
        files[`${directory}/curr${input}_input`] = scaled('current', 1_000);
        files[`${directory}/power${input}_input`] = {
          text: `${Math.round(value('voltage', monoMs) * value('current', monoMs) * 1e6)}\n`,
          readMs: READ_MS,
        };
        files[`${directory}/fan${input}_input`] = '0\n';
      }
      return files;
    };
  },
};
