/**
 * THE composition: configuration -> buses -> sensors -> sampler -> pipeline -> journal -> uplinks. Only this file joins
 * them; each part knows nothing of the others. Never exits the process; never gives up on a bus, a broker or a card.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Buses } from './bus/buses.ts';
import type { Clock } from './clock.ts';
import { pack, unpack } from './codec.ts';
import type { Config, SensorConfig, UplinkConfig } from './config/types.ts';
import { createDelivery, isoTime, timeOf } from './delivery.ts';
import { codeOf, messageOf } from './errors.ts';
import { openJournal } from './journal/journal.ts';
import { memoryJournal } from './journal/memory.ts';
import type { Journal } from './journal/types.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import type { Catalogue } from './reading.ts';
import { createSampler } from './sampler/sampler.ts';
import type { Measurement, SensorHealth } from './sampler/types.ts';
import { catalogueSensor, sampledSensor, variantOf } from './sensors.ts';
import type { Log, LogFields } from './service/log.ts';
import { healthReport, sensorStatus, stateMessage } from './station.ts';
import { type Anchor, createTimekeeper } from './timekeeper.ts';
import { mqttUplink } from './uplink/mqtt.ts';
import type { StateMessage, Station, Uplink, UplinkStatus } from './uplink/types.ts';
import { BUILT_AT_MS } from './version.ts';

/** Longest that a clean stop waits for the broker. */
const DRAIN_MS = 5_000;
/** Anchors of past boots that are kept for records still waiting. */
const MAX_ANCHORS = 16;
/** The watchdog is not fed while a commit hangs for longer than this. */
const STUCK_COMMIT_MS = 60_000;

export interface RuntimeOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** Made by runtime's caller, so that only `--simulate` loads simulations. */
  readonly makeBuses: (config: Config) => Buses;
  readonly random?: () => number;
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

export interface Runtime {
  snapshot(): RuntimeSnapshot;
  /** Each reading as it is taken. Returns what ends it. */
  onReading(callback: (reading: StateMessage) => void): () => void;
  /** Applies a new configuration: only what changed restarts. Returns what was done, one phrase each. */
  reload(config: Config): Promise<readonly string[]>;
  /** Shown in health until the next call; for a configuration that could not be applied. */
  warn(warnings: readonly string[]): void;
  /** True while sampling and committing go on: what the watchdog is fed by. */
  progressing(): boolean;
  /** Commits, drains for a bounded time, says goodbye. Idempotent. */
  stop(): Promise<void>;
}

interface RunningUplink {
  readonly config: UplinkConfig;
  readonly uplink: Uplink;
}

/** The kernel's id of this boot; on other systems one per process, which is never wrong, only finer. */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return randomUUID();
  }
}

/** Equal configurations of one part. Drivers are compared by name: their code does not change while we run. */
const sameConfig = (a: unknown, b: unknown): boolean => {
  const plain = (_key: string, value: unknown) => (typeof value === 'function' ? undefined : value);
  return JSON.stringify(a, plain) === JSON.stringify(b, plain);
};

async function openAnyJournal(config: Config, bootId: string, clock: Clock, log: Log): Promise<Journal> {
  const options = {
    directory: config.journal.directory,
    maxSizeBytes: config.journal.maxSizeBytes,
    whenFull: config.journal.whenFull,
    commitEveryMs: config.journal.commitEveryMs,
    consumers: config.uplinks.map(({ name }) => name),
    bootId,
    clock,
    log: (event: string, fields?: LogFields) => log.warn(event, fields),
  };
  try {
    return await openJournal(options);
  } catch (error) {
    // A dying card must not stop live data; what is kept in memory is marked volatile.
    if (codeOf(error) !== 'journal.storage') throw error;
    log.error('journal.volatile', { message: `${messageOf(error)}; readings are kept in memory only` });
    return memoryJournal(options);
  }
}

export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { clock, log, version, makeBuses, random = Math.random } = options;
  let { config } = options;
  const startedMs = clock.monotonic();
  const bootId = readBootId();
  let journal = await openAnyJournal(config, bootId, clock, log);

  // Time: one anchor per boot, kept beside the journal's cursors.
  const anchorKey = (boot: string) => `anchor:${boot}`;
  const anchorOf = (boot: string): Anchor | undefined => {
    if (boot === bootId) return timekeeper.anchor();
    const note = journal.note(anchorKey(boot));
    return note === undefined ? undefined : (JSON.parse(note) as Anchor);
  };
  const known = journal.note(anchorKey(bootId));
  const timekeeper = createTimekeeper({
    clock,
    builtAtMs: BUILT_AT_MS,
    anchor: known === undefined ? undefined : (JSON.parse(known) as Anchor),
  });
  const keepAnchor = (anchor: Anchor) => {
    const boots = (journal.note('anchors') ?? '').split(' ').filter((boot) => boot !== '' && boot !== bootId);
    for (const old of boots.splice(0, Math.max(0, boots.length - MAX_ANCHORS + 1)))
      journal.setNote(anchorKey(old), undefined);
    journal.setNote('anchors', [...boots, bootId].join(' '));
    journal.setNote(anchorKey(bootId), JSON.stringify(anchor));
  };
  timekeeper.onAnchor(keepAnchor);

  // What is known now, for state topics and health.
  const latest = new Map<string, StateMessage>();
  const pipelines = new Map<string, Pipeline>();
  const uplinks = new Map<string, RunningUplink>();
  const listeners = new Set<(reading: StateMessage) => void>();
  const appending = new Set<{ readonly atMs: number }>();
  let warnings = config.warnings;
  let taken = 0;
  let refusedByJournal = 0;
  let stopped: Promise<void> | undefined;

  const keep = (measurement: Measurement) => {
    const reading = pipelines.get(measurement.sensor)?.process(measurement);
    if (!reading) return;
    taken += 1;
    const commit = { atMs: clock.monotonic() };
    appending.add(commit);
    journal
      .append(pack(reading))
      .catch((error) => {
        refusedByJournal += 1;
        log.warn('journal.refused', { sensor: reading.sensor, code: codeOf(error), message: messageOf(error) });
      })
      .finally(() => appending.delete(commit));
    const message = stateMessage(reading, bootId, timekeeper);
    latest.set(reading.sensor, message);
    for (const { uplink } of uplinks.values()) uplink.state(message);
    for (const listener of listeners) listener(message);
  };

  const onSensorChange = (id: string) => {
    const health = sampler.health()[id];
    if (!health || stopped) return;
    if (health.state === 'offline') log.warn('sensor.offline', { sensor: id, code: health.error, message: health.message });
    else log.info('sensor.online', { sensor: id });
    for (const { uplink } of uplinks.values()) uplink.sensorStatus(id, sensorStatus(health));
  };

  let buses = makeBuses(config);
  const sampler = createSampler({ clock, stamp: timekeeper.stamp, sink: keep, onChange: onSensorChange, random });

  const catalogue = (): Catalogue =>
    Object.fromEntries(config.sensors.map((sensor) => [sensor.id, catalogueSensor(sensor)]));
  const oldestTime = (): string | null => {
    const { oldest } = journal.status();
    const reading = oldest && unpack(oldest);
    return reading ? timeOf(reading.at, bootId, timekeeper.anchor()).time : null;
  };
  const health = () =>
    healthReport({
      time: isoTime(timekeeper.stamp(clock.monotonic()).wallMs),
      uptimeMs: clock.monotonic() - startedMs,
      stream: journal.stream,
      synced: timekeeper.synced(),
      journal: journal.status(),
      oldest: oldestTime(),
      sensors: sampler.health(),
      warnings,
    });
  const station: Station = {
    get device() {
      return config.device;
    },
    version,
    stream: () => journal.stream,
    catalogue,
    latest: () => [...latest.values()],
    sensorStatuses: () =>
      Object.fromEntries(Object.entries(sampler.health()).map(([id, state]) => [id, sensorStatus(state)])),
    health,
  };

  const startUplink = (uplinkConfig: UplinkConfig) => {
    const { name } = uplinkConfig;
    const source = createDelivery({
      reader: journal.reader(name),
      clock,
      bootId,
      anchorOf,
      waitMs: config.clock.waitMs,
    });
    const memory = {
      get: (key: string) => journal.note(`uplink:${name}:${key}`),
      set: (key: string, value: string | undefined) => journal.setNote(`uplink:${name}:${key}`, value),
    };
    const uplink = mqttUplink(uplinkConfig, { name, station, source, clock, log, random, memory });
    uplinks.set(name, { config: uplinkConfig, uplink });
  };
  const stopUplink = async (name: string, drainMs: number) => {
    const running = uplinks.get(name);
    uplinks.delete(name);
    await running?.uplink.stop(drainMs);
  };
  const startSensor = async (sensor: SensorConfig) => {
    const { channels } = variantOf(sensor.driver, sensor.options);
    pipelines.set(sensor.id, createPipeline(channels, sensor.filters));
    await sampler.add(sampledSensor(sensor, buses, clock));
  };
  const stopSensor = async (id: string) => {
    await sampler.remove(id);
    pipelines.delete(id);
    latest.delete(id);
  };

  for (const uplink of config.uplinks) startUplink(uplink);
  for (const sensor of config.sensors) await startSensor(sensor);

  const reloadJournal = async (next: Config) => {
    for (const name of [...uplinks.keys()]) await stopUplink(name, 0);
    await journal.flush();
    await journal.close();
    journal = await openAnyJournal(next, bootId, clock, log);
    const anchor = timekeeper.anchor();
    if (anchor) keepAnchor(anchor);
  };

  return {
    snapshot() {
      const status = journal.status();
      return {
        sensors: sampler.health(),
        uplinks: Object.fromEntries([...uplinks].map(([name, { uplink }]) => [name, uplink.status()])),
        pending: status.pending,
        taken,
        accepted: status.accepted,
        dropped: status.dropped + refusedByJournal,
        gaps: Object.values(status.gaps).reduce((sum, gaps) => sum + gaps.length, 0),
        storage: status.storage,
        stream: journal.stream,
      };
    },
    onReading(callback) {
      listeners.add(callback);
      return () => void listeners.delete(callback);
    },
    warn(next) {
      warnings = [...config.warnings, ...next];
      for (const { uplink } of uplinks.values()) uplink.health();
    },
    progressing: () => [...appending].every(({ atMs }) => clock.monotonic() - atMs < STUCK_COMMIT_MS),
    async reload(next) {
      const done: string[] = [];
      const previous = config;
      config = next;
      warnings = next.warnings;
      if (!sameConfig(previous.journal, next.journal)) {
        await reloadJournal(next);
        done.push('journal reopened');
      }
      if (!sameConfig(previous.simulation, next.simulation)) {
        for (const { id } of previous.sensors) await stopSensor(id);
        await buses.close();
        buses = makeBuses(next);
      }
      const restarted = await reconcileSensors(previous, next);
      done.push(...restarted);
      const isOther = previous.device !== next.device || !sameConfig(previous.clock, next.clock);
      for (const [name, running] of [...uplinks]) {
        const wanted = next.uplinks.find((uplink) => uplink.name === name);
        if (wanted && !isOther && sameConfig(wanted, running.config)) continue;
        await stopUplink(name, DRAIN_MS);
        if (!wanted) {
          // journal.forget(name);
          done.push(`uplink ${name} removed`);
        }
      }
      for (const uplink of next.uplinks) {
        if (uplinks.has(uplink.name)) continue;
        startUplink(uplink);
        done.push(
          `uplink ${uplink.name} ${previous.uplinks.some(({ name }) => name === uplink.name) ? 'restarted' : 'added'}`,
        );
      }
      if (restarted.length > 0) for (const { uplink } of uplinks.values()) uplink.catalogueChanged();
      return done;
    },
    stop() {
      stopped ??= (async () => {
        await sampler.stop();
        await journal.flush().catch((error) => log.error('journal.failed', { message: messageOf(error) }));
        await Promise.all([...uplinks.keys()].map((name) => stopUplink(name, DRAIN_MS)));
        await journal.close();
        await buses.close();
      })();
      return stopped;
    },
  };

  async function reconcileSensors(previous: Config, next: Config): Promise<string[]> {
    const done: string[] = [];
    const running = sampler.health();
    const old = new Map(previous.sensors.map((sensor) => [sensor.id, sensor]));
    const wanted = new Map(next.sensors.map((sensor) => [sensor.id, sensor]));
    for (const [id, sensor] of old) {
      const isSame = wanted.has(id) && sameConfig(sensor, wanted.get(id)) && id in running;
      if (isSame) continue;
      await stopSensor(id);
      if (!wanted.has(id)) done.push(`sensor ${id} removed`);
    }
    const kept = sampler.health();
    for (const [id, sensor] of wanted) {
      if (id in kept) continue;
      await startSensor(sensor);
      done.push(`sensor ${id} ${old.has(id) ? 'restarted' : 'added'}`);
    }
    return done;
  }
}
