/**
 * The latest of everything: values per sensor, states, and the health report. What dashboards see; never history.
 */
import type { BusHealth } from './bus/bus-health.ts';
import type { PackedReading } from './codec.ts';
import { timeOf } from './delivery.ts';
import type { JournalStatus } from './journal/types.ts';
import type { SensorHealth } from './sampler/types.ts';
import { cardSentence } from './status/card.ts';
import type { Timekeeper } from './timekeeper.ts';
import type { CommandCounts, SensorStatus, StateMessage } from './uplink/types.ts';

export function stateMessage(reading: PackedReading, bootId: string, timekeeper: Timekeeper): StateMessage {
  const { sensor, at, durationMs, valuesJson } = reading;
  return {
    sensor,
    valuesJson,
    ...(durationMs !== undefined && { durationMs }),
    ...timeOf(at, bootId, timekeeper.anchor()),
  };
}

export function sensorStatus({ state, error, message }: SensorHealth): SensorStatus {
  if (state !== 'offline') return { state: 'online' };
  return { state, ...(error !== undefined && { error }), ...(message !== undefined && { message }) };
}

export interface HealthParts {
  readonly time: string;
  readonly uptimeMs: number;
  readonly synced: boolean;
  readonly journal: JournalStatus;
  /** Time of the oldest pending record. */
  readonly oldest: string | null;
  readonly sensors: Readonly<Record<string, SensorHealth>>;
  readonly buses: Readonly<Record<string, BusHealth>>;
  readonly warnings: readonly string[];
  /** Requests that came, by uplink. */
  readonly commands: Readonly<Record<string, CommandCounts>>;
}

/** The health report of the outer contract (design section 7). */
export function healthReport(parts: HealthParts): Readonly<Record<string, unknown>> {
  const { journal, sensors, buses, warnings, commands } = parts;
  return {
    time: parts.time,
    uptime_s: Math.floor(parts.uptimeMs / 1000),
    stream: journal.stream,
    clock: parts.synced ? 'synced' : 'unsynced',
    storage: journal.storage,
    pending: journal.pending,
    first: journal.first,
    oldest: parts.oldest,
    accepted: journal.accepted,
    dropped: journal.dropped,
    commits: journal.commits,
    bytes_written: journal.bytesWritten,
    bytes_per_day: journal.bytesPerDay,
    card: cardSentence(journal.bytesPerDay),
    journal_size: journal.sizeBytes,
    sensors: Object.fromEntries(
      Object.entries(sensors).map(([id, { reads, failures, missed }]) => [id, { reads, failures, missed }]),
    ),
    ...(Object.keys(buses).length > 0 && { buses }),
    ...(Object.keys(commands).length > 0 && { commands }),
    ...(warnings.length > 0 && { warnings }),
  };
}

/** Most gaps that one answer lists. */
const MAX_LISTED_GAPS = 100;

/** The journal in the words of `sedge journal --json`. */
export function journalSummary(status: JournalStatus, oldest: string | null): Readonly<Record<string, unknown>> {
  const gaps = Object.entries(status.gaps).flatMap(([uplink, known]) => known.map((gap) => ({ ...gap, uplink })));
  return {
    stream: status.stream,
    pending: status.pending,
    first: status.first,
    last: status.last,
    oldest,
    size: status.sizeBytes,
    max_size: status.maxSizeBytes,
    gaps: gaps.slice(0, MAX_LISTED_GAPS),
    ...(gaps.length > MAX_LISTED_GAPS && { gaps_not_listed: gaps.length - MAX_LISTED_GAPS }),
  };
}
