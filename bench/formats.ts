/**
 * What each format and compression costs: bytes a reading on the wire, and processor time a reading to make them. Batches as
 * a station sends them by default: 500 readings, of four air sensors (three channels, two digits) and a door.
 */
import type { Batch, BatchRecord } from '../src/batch.ts';
import { COMPRESSIONS, FORMAT_NAMES } from '../src/config/types.ts';
import { loadCompression } from '../src/uplink/compress.ts';
import { loadFormat } from '../src/uplink/formats/index.ts';
import { round } from './process-stat.ts';

const READINGS = 500;
const BATCHES = 60;
/** Not measured: until V8 has compiled what runs. */
const WARM_UP = 20;
const STREAM = '5f0c2a9be1d34c7788a0f1c2';
const CHANNELS = {
  temperature: { quantity: 'temperature', unit: 'Cel' },
  humidity: { quantity: 'humidity', unit: '%RH' },
  pressure: { quantity: 'pressure', unit: 'hPa' },
};
const SENSORS = ['air1', 'air2', 'air3', 'air4'];
const catalogue = Object.fromEntries(SENSORS.map((id) => [id, { driver: 'bme280', channels: CHANNELS }]));

/** Slow waves with noise in the last digit, as air has. */
function batchFrom(first: number): Batch {
  const records = Array.from({ length: READINGS }, (_, index): BatchRecord => {
    const seq = first + index;
    const phase = seq / 3_000;
    const noise = ((seq * 7_919) % 11) / 100;
    const values = [
      `"temperature":${(21 + 3 * Math.sin(phase) + noise).toFixed(2)}`,
      `"humidity":${(48 + 9 * Math.cos(phase) + noise).toFixed(2)}`,
      `"pressure":${(1013 + 4 * Math.sin(phase / 3) + noise).toFixed(2)}`,
    ];
    const time = new Date(Date.UTC(2026, 10, 22) + Math.floor(seq / SENSORS.length) * 10_000).toISOString();
    return { seq, kind: 'reading', sensor: SENSORS[seq % SENSORS.length]!, time, valuesJson: `{${values.join(',')}}` };
  });
  const last = first + READINGS - 1;
  return {
    ...{
      stream: STREAM,
      volatile: false,
      previous: undefined,
      range: { first, last },
      records,
      skippedSeqs: [],
      gaps: [],
    },
    position: { stream: STREAM, seq: last, gaps: [] },
  };
}

const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Per format and compression: bytes and microseconds of processor a reading. */
export async function measureFormats() {
  const batches = Array.from({ length: BATCHES }, (_, index) => batchFrom(1 + index * READINGS));
  const options = { device: 'greenhouse-1', maxBytes: 10_000_000, catalogue };
  const result: Record<string, Record<string, { bytes_per_reading: number; cpu_us_per_reading: number }>> = {};
  for (const name of FORMAT_NAMES) {
    const format = await loadFormat(name);
    const rows: (typeof result)[string] = {};
    for (const compression of COMPRESSIONS) {
      const compress = await loadCompression(compression);
      let bytes = 0;
      const pass = async (some: readonly Batch[]) => {
        for (const batch of some)
          for (const { payload } of format.encode(batch, options)) bytes += Buffer.byteLength(await compress(payload));
      };
      await pass(batches.slice(0, WARM_UP));
      bytes = 0;
      const before = cpuUs();
      await pass(batches);
      const readings = BATCHES * READINGS;
      rows[compression] = {
        bytes_per_reading: round(bytes / readings),
        cpu_us_per_reading: round((cpuUs() - before) / readings, 2),
      };
    }
    result[name] = rows;
  }
  return result;
}
