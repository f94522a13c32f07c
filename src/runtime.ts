/**
 * THE composition: configuration -> buses -> sensors -> sampler -> pipeline -> journal -> uplinks. Only this file joins
 * them; each part knows nothing of the others. Never exits the process; never gives up on a bus, a broker or a card.
 */
import { ageMs, anchorOf, keepAnchor } from './anchors.ts';
import type { ApiStation } from './api/types.ts';
import { blockCodec } from './block-codec.ts';
import { readBootId } from './boot-id.ts';
import type { Clock } from './clock.ts';
import { type PackedReading, pack, unpack } from './codec.ts';
import { createCommands, type ReloadOutcome } from './commands.ts';
import type { Config } from './config/types.ts';
import { openCurrentJournal } from './current-journal.ts';
import { isoTime, timeOf } from './delivery.ts';
import { codeOf, messageOf } from './errors.ts';
import type { PlacedBuses } from './hardware.ts';
import type { OldestRecord } from './journal/types.ts';
import { createMeasuring } from './measuring.ts';
import { createPublishing } from './publishing.ts';
import { sameConfig } from './same-config.ts';
import { loadCron } from './sampler/cron.ts';
import type { SensorHealth } from './sampler/types.ts';
import type { Log } from './service/log.ts';
import type { StartGuard } from './service/start-guard.ts';
import { askTimedate } from './service/timedate.ts';
import { healthReport, journalSummary, sensorStatus, stateMessage } from './station.ts';
import type { StatusReport } from './status/report.ts';
import { createReporter } from './status/reporter.ts';
import { createTimekeeper } from './timekeeper.ts';
import type { StateMessage, Station, UplinkStatus } from './uplink/types.ts';
import { BUILT_AT_MS } from './version.ts';
import { waitingRecords } from './waiting.ts';

/** The watchdog is not fed while a record waits for so long after its commit was due: a device that hangs is given up before. */
const STUCK_COMMIT_MS = 60_000;

export interface RuntimeOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** From hardware.ts; only `--simulate` loads simulations. */
  readonly makeBuses: (config: Config) => PlacedBuses;
  readonly random?: () => number;
  /** Loads the configuration again and applies it, for a command. */
  readonly reload?: () => Promise<ReloadOutcome>;
  /** Whether a file is there by which a daemon says that it set the clock; the system's unless given. */
  readonly exists?: (path: string) => boolean;
  /** Leaves out a sensor whose opening ends the process. */
  readonly guard?: StartGuard;
}

export interface RuntimeSnapshot {
  readonly sensors: Readonly<Record<string, SensorHealth>>;
  readonly uplinks: Readonly<Record<string, UplinkStatus>>;
  readonly pending: Readonly<Record<string, number>>;
  /** Readings taken and given to the journal since the start. */
  readonly taken: number;
  readonly accepted: number;
  readonly dropped: number;
  readonly gaps: number;
  readonly storage: 'ok' | 'storage-failed';
  readonly stream: string;
}

export interface Runtime extends Omit<ApiStation, 'report'> {
  snapshot(): RuntimeSnapshot;
  /** All that `sedge status` shows. */
  report(): Promise<StatusReport>;
  /** Applies a new configuration: only what changed restarts. Returns what was done, one phrase each. */
  reload(config: Config): Promise<readonly string[]>;
  /** Shown in health until the next call; for a configuration that could not be applied. */
  warn(warnings: readonly string[]): void;
  /** True while committing goes on: what the watchdog is fed by. */
  progressing(): boolean;
  /** Commits, drains for a bounded time, says goodbye. Idempotent. */
  stop(): Promise<void>;
}

export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { clock, log, version, makeBuses, random = Math.random, guard } = options;
  let { config } = options;
  const startedMs = clock.monotonic();
  const bootId = readBootId();
  let ageOf: ((record: OldestRecord) => number | undefined) | undefined;
  const current = await openCurrentJournal({
    config,
    bootId,
    clock,
    log,
    codec: blockCodec,
    // Not before the clocks are known: a record whose age is not known is kept.
    ageMs: (record) => ageOf?.(record),
  });
  const journal = () => current.get();
  guard?.begin();
  const timekeeper = createTimekeeper({
    clock,
    builtAtMs: BUILT_AT_MS,
    anchor: anchorOf(journal(), bootId),
    chronySays: askTimedate,
    ...(options.exists && { exists: options.exists }),
  });
  timekeeper.onAnchor((anchor) => keepAnchor(journal(), bootId, anchor));
  const anchorOfBoot = (boot: string) => (boot === bootId ? timekeeper.anchor() : anchorOf(journal(), boot));

  ageOf = (record) => ageMs(record, { clock, timekeeper, bootId, anchorOf: anchorOfBoot });

  const latest = new Map<string, StateMessage>();
  const listeners = new Set<(reading: StateMessage) => void>();
  const committing = new Set<{ readonly dueMs: number }>();
  let warnings = config.warnings;
  let taken = 0;
  let refused = 0;
  let stopped: Promise<void> | undefined;

  const keep = (reading: PackedReading) => {
    taken += 1;
    const message = stateMessage(reading, bootId, timekeeper);
    const { commitEveryMs, commitEveryOfflineMs } = config.journal;
    const commit = { dueMs: clock.monotonic() + Math.max(commitEveryMs, commitEveryOfflineMs) };
    committing.add(commit);
    current
      // An alarm may be the last thing that happens before the power goes.
      .append(pack(reading), reading.kind === 'event')
      .then((seq) => {
        if (reading.kind !== 'event') return;
        // Its live copy: it was taken by the journal of this moment, whose newest number it is.
        const alert = { ...message, stream: journal().stream, seq };
        publishing.each((uplink) => uplink.alert?.(alert));
      })
      .catch((error) => {
        refused += 1;
        log.warn('journal.refused', { sensor: reading.sensor, code: codeOf(error), message: messageOf(error) });
      })
      .finally(() => committing.delete(commit));
    // The latest values are those of readings.
    if (reading.kind === 'window') return;
    latest.set(reading.sensor, message);
    publishing.each((uplink) => uplink.state(message));
    reporter.reading(message);
    for (const listener of listeners) listener(message);
  };
  const tellChange = (sensor: string, health: SensorHealth) => {
    if (stopped) return;
    if (health.state === 'offline') log.warn('sensor.offline', { sensor, code: health.error, message: health.message });
    else log.info('sensor.online', { sensor });
    publishing.each((uplink) => uplink.sensorStatus(sensor, sensorStatus(health)));
  };
  const measuring = createMeasuring({
    clock,
    timekeeper,
    random,
    makeBuses,
    onReading: keep,
    onChange: tellChange,
    ...(guard && { watched: guard.watched }),
  });

  /** What was refused is lost as surely as what was dropped. */
  const journalStatus = () => {
    const status = journal().status();
    return { ...status, dropped: status.dropped + refused };
  };
  const station: Station = {
    get device() {
      return config.device;
    },
    version,
    stream: () => journal().stream,
    catalogue: () => measuring.catalogue(),
    latest: () => [...latest.values()],
    sensorStatuses: () =>
      Object.fromEntries(Object.entries(measuring.health()).map(([id, health]) => [id, sensorStatus(health)])),
    health: async () => healthReport({ ...(await now()), journal: journalStatus(), sensors: measuring.health() }),
  };
  const now = async () => {
    const oldest = await journal()
      .oldest()
      .catch(() => null);
    const reading = oldest && unpack(oldest);
    const isPending = journal().status().first !== null;
    const buses = measuring.buses();
    return {
      buses,
      commands: publishing.commands(),
      time: isoTime(timekeeper.stamp(clock.monotonic()).wallMs),
      uptimeMs: clock.monotonic() - startedMs,
      synced: timekeeper.synced(),
      oldest: reading && isPending ? timeOf(reading.at, oldest.bootId, anchorOfBoot(oldest.bootId)).time : null,
      warnings: [
        ...[...warnings, ...(guard?.warnings() ?? []), ...publishing.warnings()],
        ...Object.values(buses).flatMap(({ stuck }) => stuck ?? []),
      ],
    };
  };
  const commands = createCommands({
    measuring,
    timeOf: ({ at }) => timeOf(at, bootId, timekeeper.anchor()).time,
    onInterval: () => publishing.each((uplink) => uplink.catalogueChanged()),
    health: () => station.health(),
    journal: async () => journalSummary(journalStatus(), (await now()).oldest),
    ...(options.reload && { reload: options.reload }),
  });
  /** Offline, fewer commits spare the card; nobody waits for them then. */
  const pace = () => {
    const isAnyConnected = Object.values(publishing.status()).some(({ connected }) => connected);
    journal().commitEvery(isAnyConnected ? config.journal.commitEveryMs : config.journal.commitEveryOfflineMs);
  };
  const publishing = createPublishing({
    clock,
    log,
    random,
    bootId,
    station,
    commands,
    journal,
    onConnection: pace,
    loadCron,
    anchorOf: anchorOfBoot,
  });

  const reporter = createReporter(clock, () => ({
    sensors: measuring.health(),
    uplinks: publishing.status(),
    journal: journalStatus(),
    catalogue: measuring.catalogue(),
  }));
  await publishing.start(config);
  await measuring.start(config);

  const onReading = (callback: (reading: StateMessage) => void) => {
    listeners.add(callback);
    return () => void listeners.delete(callback);
  };
  const replaceJournal = async (next: Config) => {
    await publishing.stop({ drain: false });
    try {
      await current.replace(config, next);
    } catch (error) {
      await publishing.start(config);
      throw error;
    }
    const anchor = timekeeper.anchor();
    if (anchor) keepAnchor(journal(), bootId, anchor);
  };

  return {
    snapshot() {
      const { pending, accepted, dropped, gaps, storage } = journalStatus();
      return {
        sensors: measuring.health(),
        uplinks: publishing.status(),
        pending,
        taken,
        accepted,
        dropped,
        gaps: Object.values(gaps).reduce((sum, known) => sum + known.length, 0),
        storage,
        stream: journal().stream,
      };
    },
    report: async () => reporter.report({ config, version, ...(await now()) }),
    health: station.health,
    catalogue: station.catalogue,
    onReading,
    async readNow(sensor) {
      const reading = await measuring.read(sensor);
      return reading && stateMessage(reading, bootId, timekeeper);
    },
    waiting: (fromSeq, maxRecords) => waitingRecords(journal(), anchorOfBoot, fromSeq, maxRecords),
    warn(next) {
      warnings = [...config.warnings, ...next];
      publishing.each((uplink) => uplink.health());
    },
    progressing: () => [...committing].every(({ dueMs }) => clock.monotonic() - dueMs < STUCK_COMMIT_MS),
    async reload(next) {
      const previous = config;
      const isOtherJournal = !sameConfig(previous.journal, next.journal);
      // First what may fail: then nothing has changed yet.
      if (isOtherJournal) await replaceJournal(next);
      config = next;
      warnings = next.warnings;
      const done = [...(await measuring.reload(next))];
      for (const id of latest.keys()) if (!next.sensors.some((sensor) => sensor.id === id)) latest.delete(id);
      const isOtherCatalogue = done.length > 0;
      if (isOtherJournal) {
        await publishing.start(next);
        done.push('journal reopened');
      } else {
        done.push(...(await publishing.reload(previous, next)));
      }
      if (isOtherCatalogue) publishing.each((uplink) => uplink.catalogueChanged());
      return done;
    },
    stop() {
      stopped ??= (async () => {
        await measuring.stop();
        await journal()
          .flush()
          .catch((error) => log.error('journal.failed', { message: messageOf(error) }));
        await publishing.stop();
        await journal().close();
      })();
      return stopped;
    },
  };
}
