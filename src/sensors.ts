/**
 * Joins a configured sensor to its bus: what the sampler samples. The only place that knows both drivers and buses.
 */
import type { Buses } from './bus/buses.ts';
import { i2cDevice } from './bus/i2c.ts';
import type { Clock } from './clock.ts';
import type { SensorConfig } from './config/types.ts';
import {
  type AnyDriver,
  type CounterSensor,
  driverContext,
  type EventSensor,
  type PolledSensor,
  type Variant,
} from './driver.ts';
import type { CatalogueChannel, CatalogueSensor } from './reading.ts';
import { unitOf } from './reading.ts';
import type { SampledSensor } from './sampler/types.ts';

/** A read may take twice what the datasheet says, and a hung adapter needs a second to give up. */
const deadlineOf = (worstCaseMs: number): number => worstCaseMs * 2 + 2_000;

/** What a driver is with these options. */
export function variantOf(
  driver: AnyDriver,
  options: SensorConfig['options'],
): Required<Pick<Variant, 'channels' | 'kind' | 'worstCaseMs'>> & Variant {
  const { channels, kind, worstCaseMs } = driver;
  return { channels, kind, worstCaseMs, ...driver.variant?.(options) };
}

type OpenSensor = PolledSensor | EventSensor | CounterSensor;

export function sampledSensor(config: SensorConfig, buses: Buses, clock: Clock): SampledSensor {
  const { id, driver, options, place, schedule } = config;
  const { kind, worstCaseMs, windowMs } = variantOf(driver, options);
  const open = async (): Promise<OpenSensor> => {
    if (place.bus === 'i2c') {
      const device = i2cDevice(buses.i2c(place.on, place.mux), place.address);
      return driver.open(driverContext(device, clock, options));
    }
    if (place.bus === 'gpio') {
      const line = await buses.gpio(place.place, place.pull);
      try {
        const sensor: OpenSensor = await driver.open(driverContext(line, clock, options));
        // Delegates, so that a sensor made by a class keeps its methods.
        return Object.assign(Object.create(sensor), { close: () => sensor.close().finally(() => line.close()) });
      } catch (error) {
        await line.close();
        throw error;
      }
    }
    return driver.open(driverContext(buses.files(id), clock, options));
  };
  return {
    id,
    kind,
    deadlineMs: deadlineOf(worstCaseMs),
    open,
    ...(schedule && { schedule }),
    ...(windowMs !== undefined && { windowMs }),
  };
}

/** The sensor as `info` describes it; `remoteMs` is an interval that a command set. */
export function catalogueSensor(config: SensorConfig, remoteMs?: number): CatalogueSensor {
  const { driver, driverName, name, options, schedule, filters } = config;
  const { channels } = variantOf(driver, options);
  return {
    driver: driverName,
    ...(name !== undefined && { name }),
    ...(remoteMs === undefined && schedule?.kind === 'every' && { every_ms: schedule.everyMs }),
    ...(remoteMs === undefined && schedule?.kind === 'cron' && { cron: schedule.expression }),
    ...(remoteMs !== undefined && { every_ms: remoteMs, remote_interval: true }),
    channels: Object.fromEntries(
      Object.entries(channels).map(([key, channel]) => [
        key,
        {
          quantity: channel.quantity,
          unit: unitOf(channel),
          ...(channel.bandHz && { band_hz: channel.bandHz }),
          ...onChange(filters[key]),
        },
      ]),
    ),
  };
}

/** With several such steps nothing is certain to come, so none names a time. */
function onChange(steps: SensorConfig['filters'][string] = []): Pick<CatalogueChannel, 'on_change' | 'heartbeat_ms'> {
  const deltas = steps.filter((step) => step.kind === 'delta');
  const heartbeatMs = deltas.length === 1 ? deltas[0]?.heartbeatMs : undefined;
  return deltas.length === 0
    ? {}
    : { on_change: true, ...(heartbeatMs !== undefined && { heartbeat_ms: heartbeatMs }) };
}
