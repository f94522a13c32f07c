/** Makes the status report from what the runtime's parts say of themselves, and keeps what only a report needs: rates, ages. */
import type { Clock } from '../clock.ts';
import type { Config } from '../config/types.ts';
import type { JournalStatus } from '../journal/types.ts';
import { type Catalogue, unitOf, type Values } from '../reading.ts';
import type { SensorHealth } from '../sampler/types.ts';
import { catalogueSensor, variantOf } from '../sensors.ts';
import type { StateMessage, UplinkStatus } from '../uplink/types.ts';
import { cardSentence } from './card.ts';
import { createRates, type Rates } from './rates.ts';
import type { JournalSection, SensorReport, StatusReport, UplinkReport } from './report.ts';

/** What counts and changes, as it is now. */
export interface Parts {
  readonly sensors: Readonly<Record<string, SensorHealth>>;
  readonly uplinks: Readonly<Record<string, UplinkStatus>>;
  readonly journal: JournalStatus;
  /** As `info` has it: with the intervals that commands set. */
  readonly catalogue?: Catalogue;
}

/** What is asked for only when somebody looks. */
export interface Surroundings {
  readonly config: Config;
  readonly version: string;
  readonly time: string;
  readonly uptimeMs: number;
  readonly synced: boolean;
  /** Time of the oldest pending record. */
  readonly oldest: string | null;
  readonly warnings: readonly string[];
}

export interface Reporter {
  /** Takes note of each reading as it is taken. */
  reading(message: StateMessage): void;
  report(surroundings: Surroundings): StatusReport;
}

/** What is written at the start (headers, spare segments) is no measure of a day: counting begins after it. */
const START_MS = 60_000;
const MIN_DAY_SAMPLE_MS = 60_000;
const DAY_MS = 86_400_000;

const sensorKey = (id: string): string => `sensor:${id}`;
const uplinkKey = (name: string): string => `uplink:${name}`;
const seconds = (ms: number): number => Math.max(0, Math.round(ms / 100) / 10);
const rounded = (rate: number | null): number | null => (rate === null ? null : Math.round(rate * 1_000) / 1_000);

export function createReporter(clock: Clock, parts: () => Parts): Reporter {
  const latest = new Map<string, { readonly atMs: number; readonly message: StateMessage }>();
  let opened = { stream: parts().journal.stream, atMs: clock.monotonic() };
  /** Where counting what is written began. */
  let counted: { readonly atMs: number; readonly bytes: number } | undefined;
  const rates: Rates = createRates(clock, () => {
    const { sensors, uplinks } = parts();
    return Object.fromEntries([
      ...Object.entries(sensors).map(([id, { reads }]) => [sensorKey(id), reads] as const),
      ...Object.entries(uplinks).map(
        ([name, { recordsAcknowledged }]) => [uplinkKey(name), recordsAcknowledged] as const,
      ),
    ]);
  });

  const sensorReport = (sensor: Config['sensors'][number], { sensors, catalogue }: Parts): SensorReport => {
    const { id, driver, options } = sensor;
    const health = sensors[id];
    const { driver: driverName, name, every_ms, cron } = catalogue?.[id] ?? catalogueSensor(sensor);
    const last = latest.get(id);
    const values: Values = last ? (JSON.parse(last.message.valuesJson) as Values) : {};
    const channels = Object.entries(variantOf(driver, options).channels).map(([channel, spec]) => {
      return [channel, { value: values[channel] ?? null, unit: unitOf(spec), decimals: spec.decimals }] as const;
    });
    return {
      ...(name !== undefined && { name }),
      driver: driverName,
      state: health?.state ?? 'starting',
      ...(health?.error !== undefined && { error: health.error }),
      ...(health?.message !== undefined && { message: health.message }),
      ...(every_ms !== undefined && { every_ms }),
      ...(cron !== undefined && { cron }),
      time: last?.message.time ?? null,
      age_s: last ? seconds(clock.monotonic() - last.atMs) : null,
      per_second: rounded(rates.perSecond(sensorKey(id))),
      reads: health?.reads ?? 0,
      failures: health?.failures ?? 0,
      missed: health?.missed ?? 0,
      channels: Object.fromEntries(channels),
    };
  };

  const uplinkReport = (name: string, type: string, { uplinks, journal }: Parts): UplinkReport => {
    const status = uplinks[name];
    const pending = journal.pending[name] ?? 0;
    const gaps = journal.gaps[name] ?? [];
    const perSecond = rates.perSecond(uplinkKey(name));
    const isDraining = status?.connected && perSecond !== null && perSecond > 0;
    const acknowledgedAtMs = status?.acknowledgedAtMs;
    return {
      type,
      state: status?.connected ? 'online' : 'offline',
      ...(status?.error && { error: status.error.code, message: status.error.message }),
      ...(status?.warning !== undefined && { warning: status.warning }),
      pending,
      in_flight: status?.inFlight ?? 0,
      acknowledged: status?.recordsAcknowledged ?? 0,
      last_acknowledged: acknowledgedAtMs === undefined ? null : new Date(acknowledgedAtMs).toISOString(),
      last_acknowledged_s: acknowledgedAtMs === undefined ? null : seconds(clock.now() - acknowledgedAtMs),
      per_second: rounded(perSecond),
      drain_s: pending === 0 ? 0 : isDraining ? Math.ceil(pending / perSecond) : null,
      gaps: gaps.length,
      lost: gaps.reduce((sum, { lost }) => sum + lost, 0),
      dead_letters: status?.deadLetters ?? 0,
    };
  };

  const journalSection = (status: JournalStatus, { config, oldest }: Surroundings): JournalSection => {
    const spanMs = counted ? clock.monotonic() - counted.atMs : 0;
    const bytes = status.bytesWritten - (counted?.bytes ?? 0);
    const bytesPerDay = spanMs < MIN_DAY_SAMPLE_MS ? null : Math.round((bytes * DAY_MS) / spanMs);
    return {
      directory: config.journal.directory,
      storage: status.storage,
      stream: status.stream,
      size: status.sizeBytes,
      max_size: status.maxSizeBytes,
      first: status.first,
      last: status.last,
      oldest,
      accepted: status.accepted,
      dropped: status.dropped,
      commits: status.commits,
      bytes_written: status.bytesWritten,
      bytes_per_day: bytesPerDay,
      card: cardSentence(bytesPerDay),
    };
  };

  /** A journal that was opened anew counts from nothing. */
  const lookAtJournal = ({ stream, bytesWritten }: JournalStatus) => {
    const atMs = clock.monotonic();
    if (stream !== opened.stream) {
      opened = { stream, atMs };
      counted = undefined;
    }
    if (atMs - opened.atMs >= START_MS) counted ??= { atMs, bytes: bytesWritten };
  };
  return {
    reading(message) {
      latest.set(message.sensor, { atMs: clock.monotonic(), message });
      if (rates.note()) lookAtJournal(parts().journal);
    },
    report(surroundings) {
      rates.note();
      const now = parts();
      lookAtJournal(now.journal);
      const { config, version, time, uptimeMs, synced, warnings } = surroundings;
      for (const id of latest.keys()) if (!config.sensors.some((sensor) => sensor.id === id)) latest.delete(id);
      return {
        format: 1,
        time,
        version,
        device: config.device,
        uptime_s: Math.floor(uptimeMs / 1_000),
        clock: synced ? 'synced' : 'unsynced',
        config: config.file ?? null,
        sensors: Object.fromEntries(config.sensors.map((sensor) => [sensor.id, sensorReport(sensor, now)])),
        uplinks: Object.fromEntries(config.uplinks.map(({ name, type }) => [name, uplinkReport(name, type, now)])),
        journal: journalSection(now.journal, surroundings),
        warnings,
      };
    },
  };
}
