/** The latest readings of each sensor in memory, bounded: what a graph begins with. Only kept while the API is on. */
import type { StateMessage } from '../uplink/types.ts';

/** Of one sensor: ten minutes at one a second, ten hours at one a minute. */
const MAX_PER_SENSOR = 600;
/** Of all together, some 5 MB: many sensors keep fewer each. */
const MAX_TOTAL = 20_000;

export interface Recent {
  add(reading: StateMessage): void;
  /** Newest last; without `sensor` those of all, each sensor's together. */
  of(sensor: string | undefined): readonly StateMessage[];
  /** Forgets sensors that are configured no longer. */
  keepOnly(sensors: ReadonlySet<string>): void;
}

export function createRecent({ maxPerSensor = MAX_PER_SENSOR, maxTotal = MAX_TOTAL } = {}): Recent {
  const readings = new Map<string, StateMessage[]>();
  return {
    add(reading) {
      const own = readings.get(reading.sensor) ?? [];
      if (own.length === 0) readings.set(reading.sensor, own);
      own.push(reading);
      const bound = Math.max(1, Math.min(maxPerSensor, Math.floor(maxTotal / readings.size)));
      if (own.length > bound) own.splice(0, own.length - bound);
    },
    of: (sensor) => (sensor === undefined ? [...readings.values()].flat() : (readings.get(sensor) ?? [])),
    keepOnly(sensors) {
      for (const id of readings.keys()) if (!sensors.has(id)) readings.delete(id);
    },
  };
}
