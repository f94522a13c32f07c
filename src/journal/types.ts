/**
 * What the journal promises to the rest of the program. It stores bytes: it knows neither sensors nor MQTT.
 *
 * - A record is *accepted* once the commit that holds it has been flushed to the storage device. Only accepted records
 *   are ever handed to a consumer.
 * - Numbers (`seq`) are one contiguous count per journal, going on across openings; `stream` is 96 random bits drawn at
 *   each opening. (stream, seq) is unique for ever.
 * - Each consumer (an uplink, by name) has its own cursor, its own gaps, its own place.
 * - Accepted = acknowledged + still stored + named in a gap, exactly, for each consumer. A gap never names a record that
 *   this consumer may have delivered.
 */

/** One record as the journal keeps it. The journal does not look into `payload`. */
export interface JournalRecord {
  /** What it is: 1 reading, 2 event, 3 window. 0 and 255 are the journal's own. */
  readonly type: number;
  /** Version of the payload's form. */
  readonly version: number;
  readonly payload: Uint8Array;
}
/** A record with the boot that took it: what its time is judged by. */
export interface OldestRecord extends JournalRecord {
  readonly bootId: string;
}
export interface StoredRecord extends JournalRecord {
  readonly seq: number;
}

/** A record with where it stands, for somebody who looks. */
export interface ObservedRecord extends StoredRecord {
  readonly stream: string;
  readonly bootId: string;
}

export type GapReason = 'journal_full' | 'thinned' | 'damaged' | 'refused' | 'expired';
/** Numbers of one stream that will not come. Once it was handed to the consumer its bounds never change. */
export interface Gap {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
  /** to - from + 1, except where thinning was at work: then only what went with this gap. */
  readonly lost: number;
  readonly reason: GapReason;
}

/** Where a batch ends: what `acknowledge` takes. Opaque to consumers. */
export interface BatchPosition {
  readonly stream: string;
  /** Last number covered; the previous position if the batch holds gaps only. */
  readonly seq: number;
  readonly gaps: readonly Gap[];
}

/** Consecutive records of one stream. */
export interface RawBatch {
  /** 24 hex digits. */
  readonly stream: string;
  /** Kernel's boot id of the opening that wrote them, as a UUID. */
  readonly bootId: string;
  /** True for records that were never on the storage device (memory journal while the card fails). */
  readonly volatile: boolean;
  /** Newest stream before this one that holds records; until a batch of this stream is acknowledged. */
  readonly previous: { readonly stream: string; readonly last: number } | undefined;
  /** May be empty, to carry gaps only. Otherwise ascending, without a hole but for what a `thinned` gap names. */
  readonly records: readonly StoredRecord[];
  /** Known and not yet acknowledged; all of them go with the first batch after they are known. */
  readonly gaps: readonly Gap[];
  readonly position: BatchPosition;
}

export interface BatchLimits {
  readonly maxRecords: number;
  /** Bound on the sum of payload bytes; a single larger record goes alone. */
  readonly maxBytes: number;
}

/** One consumer's view: reads ahead of its acknowledgements. Not for concurrent use by two callers. */
export interface JournalReader {
  readonly name: string;
  /** The next batch after the last one given, or undefined when nothing accepted is left. Never waits for more. */
  next(limits: BatchLimits): Promise<RawBatch | undefined>;
  /** Goes back to the first record not acknowledged: after a lost connection. */
  rewind(): void;
  /** Everything through this position has been delivered. Made durable within 5 s, at a clean close, and before any unlink. */
  acknowledge(position: BatchPosition): void;
  /**
   * The destination takes these records of a stream never, said so, and has none of them: each becomes a gap `refused`,
   * durable before it is told. Numbers that are acknowledged or in a gap already stay what they are. Returns false, with
   * nothing done, while there are too many gaps that nobody was told of.
   */
  refuse(stream: string, seqs: readonly number[]): boolean;
  /** Resolves when at least `count` records (1 if left out) or a gap are there for `next`, or the signal aborts. */
  waitForRecords(signal: AbortSignal, count?: number): Promise<void>;
  /** Accepted records that this consumer has not acknowledged and that still can come. */
  readonly pending: number;
  /** Accepted records not yet given by `next` (since the last rewind): what a sender judges its linger by. */
  readonly unread: number;
  /** Records not acknowledged that were dropped, per reason, since the consumer's cursor was made. */
  readonly dropped: number;
}

/** What `sedge journal` and health say. */
export interface JournalStatus {
  readonly stream: string | null;
  readonly storage: 'ok' | 'storage-failed';
  readonly pending: Readonly<Record<string, number>>;
  /** First record pending for any consumer (or stored, without consumers); null when none. */
  readonly first: number | null;
  /** Newest accepted number ever, also when nothing is pending; null if there never was one. */
  readonly last: number | null;
  /** Bytes of all files under the directory. */
  readonly sizeBytes: number;
  readonly maxSizeBytes: number;
  readonly gaps: Readonly<Record<string, readonly Gap[]>>;
  /** Since this opening. */
  readonly accepted: number;
  readonly dropped: number;
  readonly commits: number;
  /** Bytes given to write calls since this opening, including headers, padding and cursors. */
  readonly bytesWritten: number;
  /** The same in a day, over this and earlier openings; null while it is too early to say. */
  readonly bytesPerDay: number | null;
}

export interface Journal {
  readonly stream: string;
  readonly bootId: string;
  readonly volatile: boolean;
  /**
   * Takes a record into memory; resolves with its number when it is accepted. Rejects with `journal.closed` or
   * `journal.storage` if it never will be. `urgent` commits at once instead of at the next interval.
   */
  append(record: JournalRecord, urgent?: boolean): Promise<number>;
  /** Commits what is in memory now. */
  flush(): Promise<void>;
  /** Another commit interval, from the next one on. */
  commitEvery(ms: number): void;
  /** The reader of a consumer; one not known yet begins at the oldest record stored. */
  reader(name: string): JournalReader;
  /** The consumer will not come back: what only it waited for is let go. */
  forget(name: string): void;
  /** The first pending record, for its time; null when nothing is pending. */
  oldest(): Promise<OldestRecord | null>;
  status(): JournalStatus;
  /**
   * Stored records from a number on, at most so many: for somebody who looks and is no consumer. Moves no cursor, holds
   * nothing back; what is dropped or damaged meanwhile is left out.
   */
  observe(fromSeq: number, maxRecords: number): Promise<readonly ObservedRecord[]>;
  /** Small facts kept beside the cursors (clock anchors, retained topics): at most 64 keys, 4 KiB each. Durable with the next cursor. */
  note(key: string): string | undefined;
  setNote(key: string, value: string | undefined): void;
  /** Commits, writes the cursors, lets go of the directory. Idempotent. */
  close(): Promise<void>;
}

/** What can be done with the records of a block; given from outside, because the journal does not look into them. */
export interface BlockCodec {
  /** Fewer bytes. The journal compares what `unpack` makes of them before it relies on it. */
  pack(records: readonly JournalRecord[]): Uint8Array;
  /** What was packed, to the byte. Throws for what is no packed block. */
  unpack(bytes: Uint8Array): JournalRecord[];
  /** Which of these consecutive records thinning keeps. */
  keep(records: readonly JournalRecord[]): readonly boolean[];
}

export interface JournalOptions {
  readonly directory: string;
  readonly maxSizeBytes: number;
  readonly whenFull: 'drop_oldest' | 'reject_new' | 'thin';
  readonly commitEveryMs: number;
  /** Kept free on the file system, if the journal's own records can make room; 0 unless set. */
  readonly minFreeBytes?: number;
  /** Records taken longer ago are dropped; never unless set. */
  readonly maxAgeMs?: number | undefined;
  /** How long ago a record was taken; undefined if that is not known. */
  readonly ageMs?: (record: OldestRecord) => number | undefined;
  /** Packs and thins; without it neither is done. */
  readonly codec?: BlockCodec | undefined;
  /** Consumers by name. A new one begins at the oldest record stored; one that is no longer named is forgotten. */
  readonly consumers: readonly string[];
  readonly bootId: string;
}
