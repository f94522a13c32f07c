/**
 * What each quantity is called in Prometheus: by its base unit (celsius, pascals, ratios from 0 to 1), which its naming rules
 * ask for. `exponent` is the power of ten from our unit to that one.
 */
import type { KnownQuantity } from '../reading.ts';

export interface BaseUnit {
  /** Follows the quantity in the name of the metric; none for what has no unit. */
  readonly suffix: string;
  readonly exponent: number;
}

export const BASE_UNITS: Readonly<Record<KnownQuantity, BaseUnit>> = {
  temperature: { suffix: '_celsius', exponent: 0 },
  humidity: { suffix: '_ratio', exponent: -2 },
  absolute_humidity: { suffix: '_grams_per_cubic_meter', exponent: 0 },
  pressure: { suffix: '_pascals', exponent: 2 },
  illuminance: { suffix: '_lux', exponent: 0 },
  acceleration: { suffix: '_meters_per_second_squared', exponent: 0 },
  angular_velocity: { suffix: '_radians_per_second', exponent: 0 },
  velocity: { suffix: '_meters_per_second', exponent: -3 },
  frequency: { suffix: '_hertz', exponent: 0 },
  // Events in a window: a gauge, and `_count` belongs to histograms.
  count: { suffix: '_events', exponent: 0 },
  rate: { suffix: '_per_second', exponent: 0 },
  state: { suffix: '', exponent: 0 },
  voltage: { suffix: '_volts', exponent: 0 },
  current: { suffix: '_amperes', exponent: 0 },
  power: { suffix: '_watts', exponent: 0 },
  energy: { suffix: '_joules', exponent: 0 },
  resistance: { suffix: '_ohms', exponent: 0 },
  co2: { suffix: '_ratio', exponent: -6 },
  ratio: { suffix: '', exponent: 0 },
  load: { suffix: '', exponent: 0 },
  percent: { suffix: '_ratio', exponent: -2 },
  data_size: { suffix: '_bytes', exponent: 0 },
  duration: { suffix: '_seconds', exponent: 0 },
};

/** A user's driver may have a quantity of its own: it keeps its unit, which stands in the label `unit`. */
export const baseUnitOf = (quantity: string): BaseUnit =>
  (BASE_UNITS as Readonly<Record<string, BaseUnit>>)[quantity] ?? { suffix: '', exponent: 0 };

/** Moves the decimal point in the digits, so that 1013.27 hPa are 101327 Pa and not 101327.00000000001. */
export function shifted(value: number, exponent: number): number {
  const [digits, power = '0'] = String(value).split('e');
  return Number(`${digits}e${Number(power) + exponent}`);
}
