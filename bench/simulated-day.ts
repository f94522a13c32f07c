/**
 * What a station of ten sensors at 1 Hz with twenty values a second keeps: real drivers on simulated chips in simulated
 * weather, each reading a little late, as on a board. Time passes as fast as the processor can.
 */
import { drivers } from '../drivers/index.ts';
import { type Clock, virtualClock } from '../src/clock.ts';
import { pack } from '../src/codec.ts';
import { parseConfig } from '../src/config/load.ts';
import { hardware } from '../src/hardware.ts';
import type { JournalRecord } from '../src/journal/types.ts';
import { createMeasuring } from '../src/measuring.ts';
import { createTimekeeper } from '../src/timekeeper.ts';

const CONFIG = `
version: 1
device: day
sensors:
  air:      { driver: bme280, address: 0x76, every: 1s }
  cabinet:  { driver: sht4x, every: 1s }
  light:    { driver: bh1750, every: 1s }
  tilt:     { driver: adxl345, every: 1s }
  supply:   { driver: ina219, every: 1s }
  outside:  { driver: bmp388, address: 0x77, every: 1s }
  floor:    { driver: tmp117, address: 0x49, every: 1s }
  cellar:   { driver: shtc3, every: 1s }
  shock:    { driver: sw420, line: 27, every: 1s }
  door:     { driver: aht20, every: 1s }
uplinks: {}
`;
/** A reading is late by up to so much, as under a busy kernel. */
const LATE_MS = 2;

export interface SimulatedDay {
  readonly records: readonly JournalRecord[];
  readonly values: number;
}

export async function simulatedDay(seconds: number, config = CONFIG): Promise<SimulatedDay> {
  const virtual = virtualClock();
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
  const late = (ms: number) => (ms > 0 ? ms + random() * LATE_MS : ms);
  const clock: Clock = {
    now: () => virtual.now(),
    monotonic: () => virtual.monotonic(),
    after: (ms, callback) => virtual.after(late(ms), callback),
    sleep: (ms, signal) => virtual.sleep(late(ms), signal),
  };
  const loaded = await parseConfig(config, {
    file: 'day.yaml',
    env: {},
    cwd: '/',
    drivers,
    hostname: 'day',
  });
  if (!('config' in loaded)) throw new Error(JSON.stringify(loaded.problems));
  const records: JournalRecord[] = [];
  let values = 0;
  const measuring = createMeasuring({
    clock,
    timekeeper: createTimekeeper({ clock, builtAtMs: 0, exists: () => false }),
    random,
    makeBuses: (await hardware({ simulate: true, clock })).makeBuses,
    onReading(reading) {
      records.push(pack(reading));
      values += Object.keys(JSON.parse(reading.valuesJson)).length;
    },
    onChange: () => {},
  });
  const starting = measuring.start(loaded.config);
  await virtual.advance(2_000);
  await starting;
  await virtual.advance((seconds - 2) * 1_000);
  const stopping = measuring.stop();
  await virtual.advance(2_000);
  await stopping;
  return { records, values };
}
