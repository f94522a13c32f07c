/**
 * What the runtime gives an uplink and what it may ask of one. An uplink knows neither drivers nor journal files.
 */
import type { BatchSource } from '../batch.ts';
import type { Clock } from '../clock.ts';
import type { CommandVerb } from '../config/types.ts';
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

export type { CommandVerb } from '../config/types.ts';
export type CommandArguments = Readonly<Record<string, string | number | null>>;

/** What a command came to. With an `error` it did not do what was asked. */
export interface CommandOutcome {
  readonly data: object;
  readonly error?: string;
}

/** An answer that could not be sent on the connection on which it was asked for. */
export interface KeptAnswer {
  readonly topic: string;
  readonly payload: string;
}

/** The station as an uplink may command it: nothing runs a shell, writes a file or touches credentials. Outlives the uplink: a reload may restart the one that asked for it. */
export interface CommandPort {
  /** Settles in bounded time; rejects with a coded error, whose sentence is the answer. */
  run(verb: CommandVerb, given: CommandArguments): Promise<CommandOutcome>;
  keep(answer: KeptAnswer): void;
  /** Hands over what was kept, and from then on what is, until the signal aborts. */
  handOver(to: (answer: KeptAnswer) => void, signal: AbortSignal): void;
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
  /** Absent: nothing may be asked. */
  readonly commands?: CommandPort;
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
  readonly commands?: CommandCounts;
}

/** Requests that came: done ones, failed ones, and those refused, by reason; reasons that never occurred are absent. */
export interface CommandCounts {
  readonly done: number;
  readonly failed: number;
  readonly refused: Readonly<Record<string, number>>;
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
  /**
   * Drains for at most `drainMs`, publishes offline, disconnects. Resolves in bounded time, also when the broker is away.
   * Idempotent. `isRemoved`: it does not come back, so what it left retained is cleared where that can be done.
   */
  stop(drainMs: number, how?: { readonly isRemoved: boolean }): Promise<void>;
}
