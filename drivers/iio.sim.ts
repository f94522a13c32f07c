/**
 * Simulates a device of the kernel's Industrial I/O that has a channel for all that the world knows, under the configured name.
 *
 * Models: processed and raw channels, a shared scale, the text formats of the kernel (integers, six and nine decimals), a
 * read that takes some milliseconds. Written from the kernel's Documentation/ABI/testing/sysfs-bus-iio.
 * Does not model: which channels a chip of this name has, offsets, the steps and errors of a chip, buffers.
 */
import type { FilesSimulation, SimulatedFile } from '../src/bus/sim.ts';

const READ_MS = 10;
/** Scales of raw channels: those that the kernel says for an MPU-6050, an ADS1015, an INA219, an SCD40. */
const ACCELERATION = 0.000598;
const TURNING = 0.000133;
const VOLTAGE = 0.125;
const CURRENT = 0.1;
const CO2 = 0.0001;
/** Numbered inputs: in_voltage0 to in_voltage7. */
const INPUTS = [0, 1, 2, 3, 4, 5, 6, 7];

/** The bus that a chip with this name of its own is on. */
const busOf = (address: string): string =>
  /^\d+-[0-9a-f]{4}$/.test(address) ? 'i2c' : address.startsWith('spi') ? 'spi' : 'platform';

export const simulation: FilesSimulation = {
  bus: 'files',
  create({ value }, { name = 'bme280', address }) {
    const directory = '/sys/bus/iio/devices/iio:device0';
    const measured = (text: (endMs: number) => string): SimulatedFile => ({
      readMs: READ_MS,
      read: (endMs) => `${text(endMs)}\n`,
    });
    const milli = (what: string) => measured((monoMs) => `${Math.round(value(what, monoMs) * 1_000)}`);
    const raw = (what: string, unit: number) => measured((monoMs) => `${Math.round(value(what, monoMs) / unit)}`);
    const files: Record<string, SimulatedFile> = {
      name: `${name}\n`,
      in_temp_input: milli('temperature'),
      in_humidityrelative_input: milli('humidity'),
      in_pressure_input: measured((monoMs) => (value('pressure', monoMs) / 10).toFixed(9)),
      in_illuminance_raw: raw('illuminance', 0.001),
      in_illuminance_scale: '0.001000\n',
      in_concentration_co2_raw: raw('co2', CO2 * 10_000),
      in_concentration_co2_scale: '0.000100\n',
      in_accel_scale: `${ACCELERATION.toFixed(6)}\n`,
      in_anglvel_scale: `${TURNING.toFixed(9)}\n`,
      in_voltage_scale: `${VOLTAGE.toFixed(9)}\n`,
      in_current_scale: `${CURRENT.toFixed(9)}\n`,
      in_resistance_input: '51200\n',
    };
    for (const axis of ['x', 'y', 'z']) {
      files[`in_accel_${axis}_raw`] = raw(`acceleration_${axis}`, ACCELERATION);
      files[`in_anglvel_${axis}_raw`] = '0\n';
    }
    for (const input of INPUTS) {
      files[`in_voltage${input}_raw`] = raw('voltage', VOLTAGE / 1_000);
      files[`in_current${input}_raw`] = raw('current', CURRENT / 1_000);
    }
    const tree = Object.fromEntries(Object.entries(files).map(([file, content]) => [`${directory}/${file}`, content]));
    if (address !== undefined) {
      tree[`/sys/bus/${busOf(String(address))}/devices/${address}/iio:device0/name`] = `${name}\n`;
    }
    return () => tree;
  },
};
