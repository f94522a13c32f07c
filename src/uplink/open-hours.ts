/**
 * `window` in front of any uplink: it exists only at the times of a calendar, each for so long, and says goodbye after. Outside
 * nothing is published, also no latest values; what was measured waits in the journal.
 *
 * A clock step backward asks the calendar again; a step forward over a slot opens at once, for its whole length.
 */
import type { Clock } from '../clock.ts';
import type { CommonUplinkConfig } from '../config/types.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../service/log.ts';
import type { CommandCounts, Uplink, UplinkStatus } from './types.ts';

/** Longest nap: the wall clock may be set meanwhile. */
const NAP_MS = 60_000;
/** At the end of the window: for what is in flight, and `offline`. */
const GOODBYE_MS = 3_000;

export interface OpenHoursOptions {
  readonly name: string;
  readonly window: NonNullable<CommonUplinkConfig['window']>;
  /** Wall time of the first slot after the present. */
  readonly loadCron: (expression: string, timezone: string) => Promise<(nowMs: number) => number>;
  readonly clock: Clock;
  readonly log: Log;
  /** A new uplink, over the same source. */
  readonly create: () => Uplink;
  readonly onChange: () => void;
}

export function openOnly(options: OpenHoursOptions): Uplink {
  const { name, window, clock, log, create, onChange } = options;
  const stopping = new AbortController();
  let inner: Uplink | undefined;
  let openMs: number | undefined;
  let past: UplinkStatus = {
    connected: false,
    batchesAcknowledged: 0,
    recordsAcknowledged: 0,
    deadLetters: 0,
    inFlight: 0,
  };
  let goodbyeMs = GOODBYE_MS;
  let goodbye: Parameters<Uplink['stop']>[1];

  async function run(): Promise<void> {
    const nextMs = await options.loadCron(window.cron, window.timezone);
    while (!stopping.signal.aborted) {
      await untilOpen(nextMs);
      if (stopping.signal.aborted) return;
      inner = create();
      await clock.sleep(window.forMs, stopping.signal);
      await inner.stop(goodbyeMs, goodbye);
      past = sum(past, inner.status());
      inner = undefined;
    }
  }
  async function untilOpen(nextMs: (nowMs: number) => number): Promise<void> {
    let lastMs = clock.now();
    openMs = nextMs(lastMs);
    log.info('uplink.closed', { uplink: name, opens: timeText(openMs) });
    onChange();
    for (let nowMs = lastMs; nowMs < openMs && !stopping.signal.aborted; nowMs = clock.now()) {
      if (nowMs < lastMs) openMs = nextMs(nowMs);
      lastMs = nowMs;
      await clock.sleep(Math.min(NAP_MS, openMs - nowMs), stopping.signal);
    }
  }
  const running = run().catch((error) => log.error('uplink.failed', { uplink: name, message: messageOf(error) }));

  return {
    status() {
      if (inner) return sum(past, inner.status());
      const message = `It connects next at ${timeText(openMs)} (window).`;
      return { ...past, error: { code: 'uplink.closed', message } };
    },
    state: (message) => inner?.state(message),
    alert: (alert) => inner?.alert?.(alert),
    sensorStatus: (sensor, status) => inner?.sensorStatus(sensor, status),
    catalogueChanged: () => inner?.catalogueChanged(),
    health: () => inner?.health(),
    async stop(drainMs, how) {
      goodbyeMs = drainMs;
      goodbye = how;
      stopping.abort();
      await running;
    },
  };
}

const timeText = (atMs: number | undefined): string =>
  atMs === undefined || !Number.isFinite(atMs) ? 'no time' : new Date(atMs).toISOString();

/** What the windows before did, and the present one. */
const sum = (past: UplinkStatus, now: UplinkStatus): UplinkStatus => ({
  ...past,
  ...now,
  batchesAcknowledged: past.batchesAcknowledged + now.batchesAcknowledged,
  recordsAcknowledged: past.recordsAcknowledged + now.recordsAcknowledged,
  deadLetters: past.deadLetters + now.deadLetters,
  ...(now.commands && { commands: sumCommands(past.commands, now.commands) }),
});

function sumCommands(past: CommandCounts | undefined, now: CommandCounts): CommandCounts {
  if (!past) return now;
  const refused: Record<string, number> = { ...past.refused };
  for (const [reason, count] of Object.entries(now.refused)) refused[reason] = (refused[reason] ?? 0) + count;
  return { done: past.done + now.done, failed: past.failed + now.failed, refused };
}
