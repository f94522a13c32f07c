/**
 * What a reading is, and the one table that fixes each quantity's unit for the whole program.
 * Knows no bus, no driver, no journal and no broker: everything else may import this file.
 */

/** Quantity -> unit. Symbols follow SenML (RFC 8428 section 12.1, RFC 8798) where it has them. */
export const UNITS = {
  temperature: 'Cel',
  humidity: '%RH',
  absolute_humidity: 'g/m3',
  pressure: 'hPa',
  illuminance: 'lx',
  acceleration: 'm/s2',
  angular_velocity: 'rad/s',
  velocity: 'mm/s',
  frequency: 'Hz',
  count: '1',
  rate: '1/s',
  state: '1',
  voltage: 'V',
  current: 'A',
  power: 'W',
  energy: 'J',
  resistance: 'Ohm',
  co2: 'ppm',
  ratio: '1',
  load: '1',
  percent: '%',
  data_size: 'byte',
  duration: 's',
} as const;

export type KnownQuantity = keyof typeof UNITS;
/** A user's driver may name a quantity of its own; then its channel carries the unit. */
export type Quantity = KnownQuantity | (string & {});

/** One value that a sensor reports. */
export interface Channel {
  readonly quantity: Quantity;
  /** Only for a quantity that `UNITS` does not have. */
  readonly unit?: string;
  /** Smallest and largest value the chip can report, in the quantity's unit. */
  readonly min: number;
  readonly max: number;
  /** The chip's own step, in the quantity's unit. */
  readonly resolution: number;
  /** Digits after the decimal point that are published. */
  readonly decimals: number;
  /** For what is summed over frequencies: from and to, in Hz. */
  readonly bandHz?: readonly [fromHz: number, toHz: number];
}
export type Channels = Readonly<Record<string, Channel>>;

/** Channel name -> finite number. A channel that could not be read is absent, never NaN. */
export type Values = Readonly<Record<string, number>>;

/** One instant on both clocks of this boot. Wall and monotonic time are never mixed in arithmetic. */
export interface Instant {
  /** Unix epoch, milliseconds, as the wall clock said it then. */
  readonly wallMs: number;
  /** Milliseconds since boot. Only comparable within one boot. */
  readonly monoMs: number;
  /** Whether the wall clock counted as set then. */
  readonly synced: boolean;
}

export type ReadingKind = 'reading' | 'event' | 'window';

/** What one sensor said at one instant. */
export interface Reading {
  readonly kind: ReadingKind;
  readonly sensor: string;
  /** When the measurement ended, or when its window began. */
  readonly at: Instant;
  /** Length of the window, for readings that cover one. */
  readonly durationMs?: number;
  readonly values: Values;
}

/** The samples of a burst as the chip gave them, in whole steps: value = step * scale, in the unit. */
export interface SampleWindow {
  readonly unit: string;
  readonly rateHz: number;
  readonly scale: number;
  /** By the name of the axis; all of one length, evenly spaced, the first when the chip had been switched on. */
  readonly axes: Readonly<Record<string, readonly number[]>>;
}

/** One configured sensor as data: what `info` publishes and what an uplink may know. */
export interface CatalogueSensor {
  readonly driver: string;
  readonly name?: string;
  readonly every_ms?: number;
  readonly cron?: string;
  /** `every_ms` was set by a command and lasts until the program starts again. */
  readonly remote_interval?: true;
  readonly channels: Readonly<Record<string, CatalogueChannel>>;
}
export interface CatalogueChannel {
  readonly quantity: string;
  readonly unit: string;
  readonly band_hz?: readonly [number, number];
  /** Published only when it changed (`delta`), or when so much time has gone by. */
  readonly on_change?: true;
  readonly heartbeat_ms?: number;
}
export type Catalogue = Readonly<Record<string, CatalogueSensor>>;

export const unitOf = (channel: Channel): string =>
  (UNITS as Readonly<Record<string, string>>)[channel.quantity] ?? channel.unit ?? '1';

/**
 * A value as it is published: rounded once to the channel's decimals; -0 becomes 0.
 * Rounds the decimal expansion, so 1.005 at 2 decimals is what JavaScript's shortest form of the nearest double says.
 */
export function roundTo(value: number, decimals: number): number {
  const scale = 10 ** decimals;
  const scaled = value * scale;
  const rounded = Number.isSafeInteger(Math.round(scaled)) ? Math.round(scaled) / scale : value;
  return rounded === 0 ? 0 : rounded;
}
