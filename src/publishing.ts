/** All uplinks over one journal: each with its own reader, none waits for another. */
import type { Clock } from './clock.ts';
import type { Config, UplinkConfig } from './config/types.ts';
import { createDelivery } from './delivery.ts';
import type { Journal } from './journal/types.ts';
import { sameConfig } from './same-config.ts';
import type { Log } from './service/log.ts';
import type { Anchor } from './timekeeper.ts';
import { loadUplink } from './uplink/index.ts';
import { type OpenHoursOptions, openOnly } from './uplink/open-hours.ts';
import { limitRate } from './uplink/rate-limit.ts';
import { carrierOf, partOf, selective } from './uplink/selection.ts';
import type { CommandCounts, CommandPort, Station, Uplink, UplinkStatus } from './uplink/types.ts';

/** Longest that a clean stop of an uplink waits for its broker. */
const DRAIN_MS = 5_000;

export interface PublishingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly bootId: string;
  readonly station: Station;
  /** What may be asked over the uplink of this name: always the same one for a name. */
  readonly commands: (uplink: string) => CommandPort;
  /** The journal of the moment: a reload may open another. */
  readonly journal: () => Journal;
  readonly loadCron: OpenHoursOptions['loadCron'];
  readonly anchorOf: (bootId: string) => Anchor | undefined;
  /** An uplink may have connected, or may no longer be. */
  readonly onConnection: () => void;
}

export interface Publishing {
  start(config: Config): Promise<void>;
  /** Only what changed restarts. Returns what was done, one phrase each. */
  reload(previous: Config, next: Config): Promise<readonly string[]>;
  each(tell: (uplink: Uplink) => void): void;
  status(): Readonly<Record<string, UplinkStatus>>;
  /** Of the uplinks over which something may be asked. */
  commands(): Readonly<Record<string, CommandCounts>>;
  /** What a person should know of the uplinks. */
  warnings(): readonly string[];
  /** Drains for a bounded time, says goodbye; `drain: false` only lets go. */
  stop(options?: { readonly drain: boolean }): Promise<void>;
}

export function createPublishing(options: PublishingOptions): Publishing {
  const { clock, log, random, bootId, station, commands, journal, loadCron, anchorOf, onConnection } = options;
  const running = new Map<string, { readonly config: UplinkConfig; readonly uplink: Uplink }>();

  const startUplink = async (config: UplinkConfig, waitMs: number) => {
    const { name, maxRate, window } = config;
    const carries = carrierOf(config);
    const make = await loadUplink(config);
    const all = createDelivery({
      reader: journal().reader(name),
      clock,
      bootId,
      anchorOf,
      waitMs,
      ...(carries && { carries }),
    });
    const source = maxRate === undefined ? all : limitRate(all, maxRate, clock);
    const key = (of: string) => `uplink:${name}:${of}`;
    const memory = {
      get: (of: string) => journal().note(key(of)),
      set: (of: string, value: string | undefined) => journal().setNote(key(of), value),
    };
    const seen = carries ? partOf(station, carries) : station;
    const port = commands(name);
    const create = () =>
      make({ name, station: seen, source, clock, log, random, memory, commands: port, onChange: onConnection });
    const uplink = window ? openOnly({ name, window, loadCron, clock, log, create, onChange: onConnection }) : create();
    running.set(name, { config, uplink: carries ? selective(uplink, carries) : uplink });
  };
  const stopUplink = async (name: string, drainMs: number, isRemoved = false) => {
    const { uplink } = running.get(name)!;
    running.delete(name);
    await uplink.stop(drainMs, { isRemoved });
  };

  const waiting = (name: string): string => {
    const count = journal().status().pending[name] ?? 0;
    return `${count} ${count === 1 ? 'record' : 'records'}`;
  };

  return {
    async start({ uplinks, clock: { waitMs } }) {
      for (const uplink of uplinks) await startUplink(uplink, waitMs);
      onConnection();
    },
    async reload(previous, next) {
      const done: string[] = [];
      const isOtherStation = previous.device !== next.device || !sameConfig(previous.clock, next.clock);
      const before = new Set(running.keys());
      for (const [name, { config }] of [...running]) {
        const wanted = next.uplinks.find((uplink) => uplink.name === name);
        if (!isOtherStation && sameConfig(wanted, config)) continue;
        // Under a new name it says all again: what is retained stays as it is.
        const isRenamed = next.uplinks.some(
          (other) => !before.has(other.name) && sameConfig({ ...other, name }, config),
        );
        await stopUplink(name, DRAIN_MS, !wanted && !isRenamed);
        if (!wanted) done.push(`uplink ${name} removed (${waiting(name)} had not been delivered)`);
      }
      for (const uplink of next.uplinks) {
        if (running.has(uplink.name)) continue;
        await startUplink(uplink, next.clock.waitMs);
        // A new name begins at the oldest record that is kept, so that a rename loses nothing.
        done.push(
          `uplink ${uplink.name} ${before.has(uplink.name) ? 'restarted' : 'added'} (${waiting(uplink.name)} wait)`,
        );
      }
      // Only now, so that one under a new name began where the old one stood.
      for (const name of before) if (!running.has(name)) journal().forget(name);
      onConnection();
      return done;
    },
    each(tell) {
      for (const { uplink } of running.values()) tell(uplink);
    },
    status: () => Object.fromEntries([...running].map(([name, { uplink }]) => [name, uplink.status()])),
    commands: () =>
      Object.fromEntries(
        [...running].flatMap(([name, { uplink }]) => {
          const { commands: counts } = uplink.status();
          return counts ? [[name, counts] as const] : [];
        }),
      ),
    warnings: () =>
      [...running].flatMap(([name, { uplink }]) => {
        const { warning } = uplink.status();
        return warning === undefined ? [] : [`uplinks.${name}: ${warning}`];
      }),
    async stop({ drain } = { drain: true }) {
      await Promise.all([...running.keys()].map((name) => stopUplink(name, drain ? DRAIN_MS : 0)));
    },
  };
}
