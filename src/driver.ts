/**
 * Everything that a driver author imports. A driver is a default export of plain data plus `open()`: the data is what
 * `sedge drivers`, the configuration's checks and its JSON Schema are made from; `open()` gets a bound device, a clock,
 * parsed options and helpers, so that a user's driver in plain JavaScript needs no import at run time.
 *
 * What a driver owes: it never logs, never returns NaN, never repeats an old value. A channel that could not be read is
 * absent; a failed read is a coded error. The chip idles between reads. Conversion maths are pure exported functions.
 */
import type { FileTree } from './bus/files.ts';
import type { GpioLine } from './bus/gpio.ts';
import type { I2cDevice } from './bus/i2c.ts';
import type { Clock } from './clock.ts';
import { type ErrorCode, SedgeError } from './errors.ts';
import type { Channels, SampleWindow, Values } from './reading.ts';

export { ifAcknowledged, leavingIdle, lookUntil, onceAcknowledged } from './asking.ts';
export { type BurstSample, burstMs, busProblem, fifoRateHz, fillWindow, SAMPLES_LOST, takeSamples } from './burst.ts';
export { BURST_OPTIONS, type BurstPlan, burstPlan } from './burst-plan.ts';
export type { FileTree } from './bus/files.ts';
export type { Edge, GpioLine } from './bus/gpio.ts';
export type { I2cDevice } from './bus/i2c.ts';
export { checkedWords } from './checked-words.ts';
export type { Clock } from './clock.ts';
export { codeOf, type ErrorCode, SedgeError } from './errors.ts';
export { levelChanges, pulseCounter } from './gpio-watch.ts';
export {
  type ChannelKind,
  channelTable,
  decimal,
  findDevice,
  type KernelClass,
  type KernelDevice,
  kernelChannel,
  measureChannels,
  type NamedChannel,
  namedChannels,
} from './kernel-device.ts';
export { type Channel, type Channels, type Quantity, type SampleWindow, UNITS, type Values } from './reading.ts';
export { isStuck } from './stuck.ts';
export { type BurstReport, burstReport, vibrationChannels } from './vibration-features.ts';

/** One option of a driver, as data. Durations and rates are written with a unit and arrive as ms and Hz. */
export type OptionSpec = { readonly doc: string } & (
  | {
      readonly kind: 'number';
      readonly default?: number;
      readonly min?: number;
      readonly max?: number;
      readonly unit?: string;
    }
  | {
      readonly kind: 'integer';
      readonly default?: number;
      readonly min?: number;
      readonly max?: number;
      readonly unit?: string;
    }
  | { readonly kind: 'boolean'; readonly default?: boolean }
  | { readonly kind: 'string'; readonly default?: string }
  | { readonly kind: 'choice'; readonly choices: readonly (string | number)[]; readonly default?: string | number }
  /** `500ms`, `10s`, `5m`, `1h`, `1d`. Arrives in milliseconds; bounds and default too. */
  | { readonly kind: 'duration'; readonly default?: number; readonly min?: number; readonly max?: number }
  /** `200Hz`, `1.6kHz`. Arrives in hertz; bounds and default too. */
  | {
      readonly kind: 'rate';
      readonly default?: number;
      readonly min?: number;
      readonly max?: number;
      readonly choices?: readonly number[];
    }
  /** A path relative to the configuration file. Arrives absolute. */
  | { readonly kind: 'file'; readonly default?: string }
);
export type OptionTable = Readonly<Record<string, OptionSpec>>;
/** Parsed options: every option with a default is there. */
export type Options = Readonly<Record<string, string | number | boolean | undefined>>;

/** `poll` is asked and answers; `event` speaks when something happens; `counter` is watched always, reported per slot. */
export type SensorKind = 'poll' | 'event' | 'counter';

/** What a sensor is with given options, where that depends on them. */
export interface Variant {
  readonly channels?: Channels;
  readonly kind?: SensorKind;
  /** Longest a read may take by the datasheet, in ms; the sampler's deadline is made from it. */
  readonly worstCaseMs?: number;
  /** Set for readings that cover a window: their time is its beginning. In ms. */
  readonly windowMs?: number;
}

export type BusKind = 'i2c' | 'gpio' | 'files' | 'none';
export interface Devices {
  readonly i2c: I2cDevice;
  readonly gpio: GpioLine;
  readonly files: FileTree;
  readonly none: undefined;
}

export interface DriverContext<B extends BusKind = BusKind> {
  readonly device: Devices[B];
  readonly clock: Clock;
  readonly options: Options;
  /** Makes a coded error: `throw context.fail('sensor.crc', 'sht4x: ...')`. */
  fail(code: ErrorCode, message: string, cause?: unknown): SedgeError;
  /**
   * Waits at least `ms`; rejects with `sensor.deadline` when the signal aborts first. A conversion time is waited for with
   * this and never with a bare sleep: what a chip says after a shortened wait is its old value.
   */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  readonly crc8: typeof crc8;
}

export interface PolledSensor {
  /** One measurement. The signal aborts when the deadline has passed or the program stops. */
  read(signal: AbortSignal): Promise<Values>;
  /** Asked after each read that succeeded: the samples behind it, if they are to be kept beside its values. */
  takeWindow?(): SampleWindow | undefined;
  /** Leaves the chip idle. Idempotent; never throws for a chip that is gone. */
  close(): Promise<void>;
}
export interface Happening {
  readonly values: Values;
  /** When it happened, on the monotonic clock. */
  readonly monoMs: number;
}
export interface EventSensor {
  /** Speaks when something happens, and once at the start with the state as it is. Ends when the signal aborts. */
  watch(signal: AbortSignal): AsyncIterable<Happening>;
  close(): Promise<void>;
}
export interface CounterSensor {
  /** Counts until the signal aborts; rejects when the line is lost. */
  run(signal: AbortSignal): Promise<void>;
  /** What was counted since the last call, in a window of `windowMs`; begins a new window. */
  take(windowMs: number): Values;
  close(): Promise<void>;
}

interface DriverData<B extends BusKind> {
  readonly api: 1;
  /** The `driver:` value in the configuration, and the file's name. */
  readonly id: string;
  readonly title: string;
  /** Link, or what is known instead of a datasheet. */
  readonly datasheet: string;
  readonly bus: B;
  /** 7-bit I2C addresses that the chip can have; the first is the default. */
  readonly addresses?: readonly number[];
  readonly channels: Channels;
  readonly options: OptionTable;
  /** Longest a read may take by the datasheet, in ms. */
  readonly worstCaseMs: number;
  /** Where channels, kind or times depend on the options. */
  variant?(options: Options): Variant;
  /** What answers at this address, from its id register: "BMP280", or undefined when it has no known id. Reads only. */
  identify?(device: Devices[B]): Promise<string | undefined>;
}
export interface PollDriver<B extends BusKind = BusKind> extends DriverData<B> {
  readonly kind: 'poll';
  open(context: DriverContext<B>): Promise<PolledSensor>;
}
export interface EventDriver<B extends BusKind = BusKind> extends DriverData<B> {
  readonly kind: 'event';
  open(context: DriverContext<B>): Promise<EventSensor>;
}
export interface CounterDriver<B extends BusKind = BusKind> extends DriverData<B> {
  readonly kind: 'counter';
  open(context: DriverContext<B>): Promise<CounterSensor>;
}
export type Driver<B extends BusKind = BusKind> = PollDriver<B> | EventDriver<B> | CounterDriver<B>;
/** Any driver, as the tables and the runtime see it. */
// biome-ignore lint/suspicious/noExplicitAny: a table of drivers of all buses needs bivariance; runtime.ts binds the right device
export type AnyDriver = PollDriver<any> | EventDriver<any> | CounterDriver<any>;

/** CRC-8 as Sensirion's parts use it: polynomial 0x31, initial value 0xff, not reflected. */
export function crc8(bytes: Uint8Array, init = 0xff): number {
  let crc = init;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x31) & 0xff : crc << 1;
  }
  return crc;
}

/** A register of 16 bits, most significant byte first. */
export async function readWord(device: I2cDevice, register: number): Promise<number> {
  const [high, low] = await device.writeRead([register], 2);
  return (high! << 8) | low!;
}

export const writeWord = (device: I2cDevice, register: number, word: number): Promise<void> =>
  device.write(register, word >> 8, word & 0xff);

/** The context that `open()` is given. */
export function driverContext<B extends BusKind>(device: Devices[B], clock: Clock, options: Options): DriverContext<B> {
  return {
    device,
    clock,
    options,
    crc8,
    fail: (code, message, cause) => new SedgeError(code, message, { cause }),
    async wait(ms, signal) {
      await clock.sleep(ms, signal);
      if (signal?.aborted) {
        throw new SedgeError('sensor.deadline', 'the read was called off before the chip had finished measuring', {
          cause: signal.reason,
        });
      }
    },
  };
}
