/**
 * Simulates a DHT22 or DHT11 as the kernel's driver shows it under Industrial I/O.
 *
 * Models: 25 ms for a measurement, which is given again for 2 s, the steps of both chips, and three in a hundred measurements
 * that fail with EIO. Written from the kernel's dht11 driver as documented and the datasheets.
 * Does not model: other errors, DHT11 batches that the kernel cannot decode.
 */
import type { FilesSimulation, SimulatedFile } from '../src/bus/sim.ts';

const MEASUREMENT_MS = 25;
const VALID_MS = 2_000;
const FAILURES = 0.03;

export const simulation: FilesSimulation = {
  bus: 'files',
  create({ value, random }, { model, address = 'dht11@4' }) {
    const directory = '/sys/bus/iio/devices/iio:device0';
    /** Steps in a unit. */
    const steps = model === 'dht11' ? 1 : 10;
    let measured: { readonly atMs: number; readonly temperature: number; readonly humidity: number } | undefined;

    const file = (what: 'temperature' | 'humidity'): SimulatedFile => ({
      readMs: MEASUREMENT_MS,
      read(endMs) {
        if (!measured || endMs - measured.atMs > VALID_MS) {
          if (random() < FAILURES) return { errno: 'EIO' };
          const now = (quantity: string) => Math.round(value(quantity, endMs) * steps) / steps;
          measured = { atMs: endMs, temperature: now('temperature'), humidity: now('humidity') };
        }
        return `${Math.round(measured[what] * 1_000)}\n`;
      },
    });
    const files = {
      [`${directory}/name`]: `${address}\n`,
      [`${directory}/in_temp_input`]: file('temperature'),
      [`${directory}/in_humidityrelative_input`]: file('humidity'),
      [`/sys/bus/platform/devices/${address}/iio:device0/name`]: `${address}\n`,
    };
    return () => files;
  },
};
