/**
 * What Home Assistant calls each quantity: device class, unit and state class, only in combinations that it accepts, because
 * it refuses an entity that has another. A quantity that it has no class for is shown with its unit. Pure.
 *
 * Lists: https://developers.home-assistant.io/docs/core/entity/sensor (available device classes, state classes).
 */
import type { CatalogueSensor } from '../reading.ts';
import { longestCronGapMs } from './cron-gap.ts';

type Channel = CatalogueSensor['channels'][string];

export interface EntityClass {
  readonly deviceClass?: string;
  /** Home Assistant's own spelling. */
  readonly unit?: string;
  readonly stateClass: 'measurement' | 'total_increasing';
}

const measured = (unit?: string, deviceClass?: string): EntityClass => ({
  ...(deviceClass !== undefined && { deviceClass }),
  ...(unit !== undefined && { unit }),
  stateClass: 'measurement',
});

/** All quantities but `state`, which is a binary sensor. */
export const ENTITY_CLASSES: Readonly<Record<string, EntityClass>> = {
  temperature: measured('°C', 'temperature'),
  humidity: measured('%', 'humidity'),
  // Its class of that name is younger than device discovery: without it every version takes the entity.
  absolute_humidity: measured('g/m³'),
  pressure: measured('hPa', 'atmospheric_pressure'),
  illuminance: measured('lx', 'illuminance'),
  acceleration: measured('m/s²'),
  angular_velocity: measured('rad/s'),
  velocity: measured('mm/s', 'speed'),
  frequency: measured('Hz', 'frequency'),
  // Events in one window: not a total, so no sum over readings would be right with `total_increasing`.
  count: measured(),
  rate: measured('1/s'),
  voltage: measured('V', 'voltage'),
  current: measured('A', 'current'),
  power: measured('W', 'power'),
  energy: { deviceClass: 'energy', unit: 'J', stateClass: 'total_increasing' },
  resistance: measured('Ω'),
  co2: measured('ppm', 'carbon_dioxide'),
  ratio: measured(),
  load: measured(),
  percent: measured('%'),
  data_size: measured('B', 'data_size'),
  duration: measured('s', 'duration'),
};

/** A user's own quantity is shown with its unit; `1` is none. */
export function entityClassOf({ quantity, unit }: Channel): EntityClass {
  const known = Object.hasOwn(ENTITY_CLASSES, quantity) ? ENTITY_CLASSES[quantity] : undefined;
  return known ?? measured(unit === '1' ? undefined : unit);
}

/** What a driver's `state` means to Home Assistant, where 1 is `on` in the sense of its class. */
export const BINARY_CLASSES: Readonly<Record<string, string>> = { pir: 'motion' };

/** Readings that may fail to come before an entity is unavailable. */
const EXPIRES_AFTER_READINGS = 3;
const EXPIRY_GRACE_S = 5;

/**
 * Seconds without a message after which the values are old; undefined where silence is no sign: events, channels that are
 * published only when they change, calendars with days between.
 */
export function expireAfterS({ every_ms: everyMs, cron, channels }: CatalogueSensor): number | undefined {
  const periodMs = everyMs ?? (cron === undefined ? undefined : longestCronGapMs(cron));
  if (periodMs === undefined) return undefined;
  const kept = Object.values(channels);
  const heartbeats = kept.flatMap(({ heartbeat_ms: heartbeatMs }) => heartbeatMs ?? []);
  const isSilent = kept.length > 0 && kept.every(({ on_change: isOnChange }) => isOnChange);
  if (isSilent && heartbeats.length === 0) return undefined;
  const quietMs = isSilent ? periodMs + Math.min(...heartbeats) : periodMs;
  return Math.ceil((EXPIRES_AFTER_READINGS * quietMs) / 1_000) + EXPIRY_GRACE_S;
}
