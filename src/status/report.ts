/**
 * What `sedge status --json` says: stable members, described in docs/status.md. Times are as they are published, ages and
 * durations seconds, sizes bytes, rates per second over the last minute; null is "not known yet" or "there is none".
 */
export interface StatusReport {
  readonly format: 1;
  readonly time: string;
  readonly version: string;
  readonly device: string;
  readonly uptime_s: number;
  readonly clock: 'synced' | 'unsynced';
  /** The configuration's file. */
  readonly config: string | null;
  readonly sensors: Readonly<Record<string, SensorReport>>;
  readonly uplinks: Readonly<Record<string, UplinkReport>>;
  readonly journal: JournalSection;
  readonly warnings: readonly string[];
}

/** What the process adds to what its runtime says. */
export interface ServiceReport extends StatusReport {
  readonly pid: number;
  readonly simulated: boolean;
}

export interface SensorReport {
  readonly name?: string;
  readonly driver: string;
  /** Read at its slots; speaks by itself; counts, and is read at its slots. */
  readonly kind: 'poll' | 'event' | 'counter';
  readonly state: 'starting' | 'online' | 'offline';
  readonly error?: string;
  readonly message?: string;
  readonly every_ms?: number;
  readonly cron?: string;
  /** Of the latest reading. */
  readonly time: string | null;
  /** Since the latest reading was taken. */
  readonly age_s: number | null;
  readonly per_second: number | null;
  readonly reads: number;
  readonly failures: number;
  readonly missed: number;
  readonly channels: Readonly<
    Record<
      string,
      {
        readonly value: number | null;
        readonly quantity: string;
        readonly unit: string;
        readonly decimals: number;
      }
    >
  >;
}

export interface UplinkReport {
  readonly type: string;
  readonly state: 'online' | 'offline';
  readonly error?: string;
  readonly message?: string;
  /** Not well, though it may be connected at this moment. */
  readonly warning?: string;
  /** Accepted records that this uplink has not delivered. */
  readonly pending: number;
  readonly in_flight: number;
  /** Records acknowledged since this uplink was started. */
  readonly acknowledged: number;
  readonly last_acknowledged: string | null;
  readonly last_acknowledged_s: number | null;
  readonly per_second: number | null;
  /** How long what waits now takes at this rate. */
  readonly drain_s: number | null;
  /** Gaps that the receiver has not acknowledged yet, and the records in them. */
  readonly gaps: number;
  readonly lost: number;
  /** Records that the destination refused for good, since this uplink was started. */
  readonly dead_letters: number;
}

export interface JournalSection {
  readonly directory: string;
  readonly storage: 'ok' | 'storage-failed';
  readonly stream: string | null;
  readonly size: number;
  readonly max_size: number;
  readonly first: number | null;
  readonly last: number | null;
  /** Time of the oldest record that waits. */
  readonly oldest: string | null;
  /** These four since the journal was opened. */
  readonly accepted: number;
  readonly dropped: number;
  readonly commits: number;
  readonly bytes_written: number;
  readonly bytes_per_day: number | null;
  /** What that means for a card, in a sentence. */
  readonly card: string;
}
