/** An HTTP or file uplink with everything it is given, on a virtual clock. */
import { type VirtualClock, virtualClock } from '../../src/clock.ts';
import type { UplinkConfig } from '../../src/config/types.ts';
import { createLog } from '../../src/service/log.ts';
import { loadUplink } from '../../src/uplink/index.ts';
import type { Uplink } from '../../src/uplink/types.ts';
import { catalogue } from '../contract/sample.ts';
import { until } from '../until.ts';
import { type ArraySource, arraySource, STREAM } from './array-source.ts';

export interface RequestRig {
  readonly uplink: Uplink;
  readonly source: ArraySource;
  readonly clock: VirtualClock;
  readonly memory: Map<string, string>;
  readonly logLines: string[];
  /** The last number acknowledged. */
  acknowledged(): number;
  /** Lets time pass in small steps, with room for sockets and files between, until something is so. */
  passing(what: string, condition: () => boolean): Promise<void>;
}

const STEP_MS = 100;
const TURNS = 20;

export interface RequestRigOptions {
  readonly source?: ArraySource;
  readonly memory?: Map<string, string>;
  readonly clock?: VirtualClock;
  readonly random?: () => number;
  /** The other side is a process of its own, which needs real time: none passes here while it has a request. */
  readonly isPeerReal?: boolean;
}

export async function startRequestRig(config: UplinkConfig, options: RequestRigOptions = {}): Promise<RequestRig> {
  const source = options.source ?? arraySource();
  const clock = options.clock ?? virtualClock();
  const memory = options.memory ?? new Map<string, string>();
  const logLines: string[] = [];
  const make = await loadUplink(config);
  const uplink = make({
    name: config.name,
    station: {
      device: 'greenhouse-1',
      version: '1.2.3',
      stream: () => STREAM,
      catalogue: () => catalogue,
      latest: () => [],
      sensorStatuses: () => ({}),
      health: async () => ({}),
    },
    source,
    clock,
    log: createLog({ level: 'debug', write: (line) => logLines.push(line) }),
    random: options.random ?? (() => 0.5),
    memory: {
      get: (key) => memory.get(key),
      set: (key, value) => void (value === undefined ? memory.delete(key) : memory.set(key, value)),
    },
  });
  return {
    uplink,
    source,
    clock,
    memory,
    logLines,
    acknowledged: () => source.acknowledged.at(-1)?.seq ?? 0,
    async passing(what, condition) {
      for (let step = 0; step < 3_000 && !condition(); step++) {
        for (let turn = 0; turn < TURNS && !condition(); turn++) await new Promise((resolve) => setImmediate(resolve));
        if (options.isPeerReal) await until(what, () => condition() || uplink.status().inFlight === 0);
        if (!condition()) await clock.advance(STEP_MS);
      }
      await until(what, condition);
    },
  };
}
