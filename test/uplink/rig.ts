/** An uplink with everything it is given, on a virtual clock, against a broker of the test's choice. */
import { type VirtualClock, virtualClock } from '../../src/clock.ts';
import type { MqttUplinkConfig } from '../../src/config/types.ts';
import type { Catalogue } from '../../src/reading.ts';
import { createLog } from '../../src/service/log.ts';
import { mqttUplink } from '../../src/uplink/mqtt.ts';
import type { CommandPort, SensorStatus, StateMessage, Uplink } from '../../src/uplink/types.ts';
import { type ArraySource, arraySource, STREAM } from './array-source.ts';

export interface Rig {
  readonly uplink: Uplink;
  readonly source: ArraySource;
  readonly clock: VirtualClock;
  readonly memory: Map<string, string>;
  readonly logLines: string[];
  /** What the station says when asked. */
  readonly station: {
    catalogue: Catalogue;
    latest: StateMessage[];
    statuses: Record<string, SensorStatus>;
  };
}

export const sensorEntry = (driver: string) => ({
  driver,
  every_ms: 10_000,
  channels: { temperature: { quantity: 'temperature', unit: 'Cel' } },
});

export interface RigOptions {
  readonly url: string;
  readonly config?: Partial<MqttUplinkConfig>;
  readonly batch?: Partial<MqttUplinkConfig['batch']>;
  readonly topics?: Partial<MqttUplinkConfig['topics']>;
  readonly source?: ArraySource;
  readonly memory?: Map<string, string>;
  readonly catalogue?: Catalogue;
  readonly random?: () => number;
  readonly commands?: CommandPort;
}

export function startRig(options: RigOptions): Rig {
  const source = options.source ?? arraySource();
  const clock = virtualClock();
  const memory = options.memory ?? new Map<string, string>();
  const logLines: string[] = [];
  const station: Rig['station'] = {
    catalogue: options.catalogue ?? { air: sensorEntry('bme280') },
    latest: [{ sensor: 'air', time: '2026-11-22T12:00:00.000Z', valuesJson: '{"temperature":21.37}' }],
    statuses: { air: { state: 'online' } },
  };
  const uplink = mqttUplink(
    {
      type: 'mqtt',
      name: 'cloud',
      url: options.url,
      keepaliveMs: 30_000,
      qos: 1,
      tls: {},
      format: 'json',
      compress: 'none',
      ...options.config,
      batch: { maxReadings: 500, maxBytes: 100_000, maxWaitMs: 5_000, ...options.batch },
      topics: { prefix: 'sedge', ...options.topics },
    },
    {
      name: 'cloud',
      station: {
        device: 'greenhouse-1',
        version: '1.2.3',
        stream: () => STREAM,
        catalogue: () => station.catalogue,
        latest: () => station.latest,
        sensorStatuses: () => station.statuses,
        health: async () => ({ time: new Date(clock.now()).toISOString(), uptime_s: 5 }),
      },
      source,
      clock,
      log: createLog({ level: 'debug', write: (line) => logLines.push(line) }),
      random: options.random ?? (() => 0.5),
      ...(options.commands && { commands: options.commands }),
      memory: {
        get: (key) => memory.get(key),
        set: (key, value) => void (value === undefined ? memory.delete(key) : memory.set(key, value)),
      },
    },
  );
  return { uplink, source, clock, memory, logLines, station };
}
