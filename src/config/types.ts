/**
 * The configuration after every check: what runtime.ts composes from. Durations are ms, sizes bytes, paths absolute,
 * `${NAME}` and `password_file` resolved, defaults filled in. Made by load.ts, by nothing else.
 */
import type { SimulatedFault } from '../bus/faults.ts';
import type { GpioPlace } from '../bus/gpio.ts';
import type { AnyDriver, Options } from '../driver.ts';
import type { FilterSpec } from '../filters/filters.ts';
import type { Schedule } from '../sampler/types.ts';

export type { FaultKind, SimulatedFault } from '../bus/faults.ts';

/** Where a sensor is. */
export type Place =
  | {
      readonly bus: 'i2c';
      readonly on: number;
      readonly address: number;
      readonly mux?: { readonly address: number; readonly channel: number };
    }
  | { readonly bus: 'gpio'; readonly place: GpioPlace; readonly pull?: 'up' | 'down' | 'off' }
  | { readonly bus: 'files' }
  | { readonly bus: 'none' };

export interface SensorConfig {
  readonly id: string;
  readonly name?: string;
  /** The driver itself: from the table, or loaded from the user's file. */
  readonly driver: AnyDriver;
  /** As written in the configuration. */
  readonly driverName: string;
  readonly place: Place;
  /** Undefined for event sensors. */
  readonly schedule?: Schedule;
  readonly options: Options;
  readonly filters: Readonly<Record<string, readonly FilterSpec[]>>;
}

/** What every uplink has, whatever its type. */
export interface CommonUplinkConfig {
  readonly name: string;
  readonly batch: { readonly maxReadings: number; readonly maxBytes: number; readonly maxWaitMs: number };
  /** Sensors that it carries: ids with `*`. Undefined: all. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Readings a second. */
  readonly maxRate?: number;
  /** It connects only then. */
  readonly window?: { readonly cron: string; readonly timezone: string; readonly forMs: number };
}

/** What a TLS connection trusts, and shows of itself: PEM texts. */
export interface TlsConfig {
  /** Trusted instead of the usual authorities. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Name that the other side's certificate must have; the host unless set. */
  readonly serverName?: string;
}

export interface MqttUplinkConfig extends CommonUplinkConfig {
  readonly type: 'mqtt';
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  readonly clientId?: string;
  readonly keepaliveMs: number;
  readonly topics: TopicsConfig;
  /** Of the readings. */
  readonly format: FormatName;
  readonly compress: Compression;
  readonly qos: 0 | 1 | 2;
  readonly messageExpiryMs?: number;
  readonly tls: TlsConfig;
  readonly homeAssistant?: HomeAssistantConfig;
  /** What may be asked over it; nothing unless set. */
  readonly commands?: readonly CommandVerb[];
}
export type CommandVerb = 'read' | 'reload' | 'interval' | 'health' | 'journal';
export interface HomeAssistantConfig {
  readonly discoveryPrefix: string;
  /** The level of the discovery topic before the station's own. */
  readonly nodeId?: string;
}

/** The forms of a batch; what each says stands in uplink/formats/. */
export const FORMAT_NAMES = ['json', 'senml', 'influx', 'csv'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];
export const COMPRESSIONS = ['none', 'deflate', 'gzip'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export interface HttpUplinkConfig extends CommonUplinkConfig {
  readonly type: 'http';
  /** Without user name and password. */
  readonly url: string;
  readonly format: FormatName;
  readonly compress: Compression;
  readonly headers: Readonly<Record<string, string>>;
  /** The whole value of the header. */
  readonly authorization?: string;
  readonly timeoutMs: number;
  readonly tls: TlsConfig;
  readonly deadLetterFile?: string;
}

export interface FileUplinkConfig extends CommonUplinkConfig {
  readonly type: 'file';
  readonly directory: string;
  readonly mountPoint?: string;
  readonly format: 'jsonl' | 'csv';
  readonly rotate: { readonly sizeBytes: number; readonly everyMs: number };
}
export type UplinkConfig = MqttUplinkConfig | HttpUplinkConfig | FileUplinkConfig;

/** A topic of its own, or off; undefined is the default under `<prefix>/<device>`. */
export interface TopicsConfig {
  readonly prefix: string;
  readonly readings?: string | false;
  readonly state?: string | false;
  readonly status?: string | false;
  readonly info?: string | false;
  readonly health?: string | false;
  readonly alert?: string | false;
  readonly dead_letter?: string | false;
  readonly request?: string;
  readonly response?: string;
}

export interface SimulationConfig {
  readonly seed: number;
  /** How fast the simulated weather passes; 1 is real time. */
  readonly speed: number;
  readonly faults: Readonly<Record<string, readonly SimulatedFault[]>>;
}
export interface Config {
  /** Absolute path; undefined for one made in memory (demo). */
  readonly file?: string;
  readonly device: string;
  readonly sensors: readonly SensorConfig[];
  readonly journal: {
    readonly directory: string;
    readonly commitEveryMs: number;
    readonly commitEveryOfflineMs: number;
    readonly maxSizeBytes: number;
    /** Of the file system, for others. */
    readonly minFreeBytes: number;
    readonly maxAgeMs?: number;
    readonly whenFull: 'drop_oldest' | 'reject_new' | 'thin';
  };
  readonly clock: { readonly waitMs: number };
  readonly uplinks: readonly UplinkConfig[];
  readonly simulation: SimulationConfig;
  /** True things that the user should know and that are no errors: a generic host name as device id. */
  readonly warnings: readonly string[];
}

/** One mistake in the file, one line of `check`. */
export interface Problem {
  /** As named by the user, or undefined where there is none. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** `sensors.air.every`; undefined for YAML syntax errors. */
  readonly path?: string;
  readonly message: string;
}
