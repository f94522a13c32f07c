/**
 * What the runtime gives an uplink and what it may ask of one. An uplink knows neither drivers nor journal files.
 */
import type { BatchSource } from '../batch.ts';
import type { Clock } from '../clock.ts';
import type { Catalogue } from '../reading.ts';
import type { Log } from '../service/log.ts';

/** The latest values of one sensor, for the state topic. */
export interface StateMessage {
  readonly sensor: string;
  readonly time: string;
  readonly unsynced?: { readonly boot: string; readonly monoMs: number };
  readonly durationMs?: number;
  readonly valuesJson: string;
}

/** An event of the journal, for the alert topic. */
export interface AlertMessage extends StateMessage {
  readonly stream: string;
  readonly seq: number;
}

export interface SensorStatus {
  readonly state: 'online' | 'offline';
  readonly error?: string;
  readonly message?: string;
}

/** The station that an uplink speaks for. All are asked anew at each connect. */
export interface Station {
  readonly device: string;
  readonly version: string;
  /** The journal's current stream. */
  stream(): string;
  catalogue(): Catalogue;
  latest(): readonly StateMessage[];
  sensorStatuses(): Readonly<Record<string, SensorStatus>>;
  /** The health report, as it is published. */
  health(): Promise<Readonly<Record<string, unknown>>>;
}

export interface UplinkContext {
  readonly name: string;
  readonly station: Station;
  readonly source: BatchSource;
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1): back-off jitter. */
  readonly random: () => number;
  /** Facts that outlive the process (topics that were retained). */
  readonly memory: { get(key: string): string | undefined; set(key: string, value: string | undefined): void };
  /** Something in `status()` changed. */
  readonly onChange?: () => void;
}

export interface UplinkStatus {
  readonly connected: boolean;
  /** The last failure, while not connected. */
  readonly error?: { readonly code: string; readonly message: string };
  /** Not well, though it may be connected at this moment. */
  readonly warning?: string;
  readonly batchesAcknowledged: number;
  readonly recordsAcknowledged: number;
  /** Records given up because the destination refused each of them for good. */
  readonly deadLetters: number;
  readonly inFlight: number;
  /** Wall time of the last acknowledgement. */
  readonly acknowledgedAtMs?: number;
}

export interface Uplink {
  status(): UplinkStatus;
  /** Live, never replayed; does nothing while not connected. */
  state(message: StateMessage): void;
  sensorStatus(sensor: string, status: SensorStatus): void;
  /** The catalogue changed: publish info again, clear the retained topics of sensors that are gone. */
  catalogueChanged(): void;
  /** A journal event that was accepted just now, under its number. */
  alert?(alert: AlertMessage): void;
  /** Publish health now. */
  health(): void;
  /** Drains for at most `drainMs`, publishes offline, disconnects. Resolves in bounded time, also when the broker is away. Idempotent. */
  stop(drainMs: number): Promise<void>;
}
