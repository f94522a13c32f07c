/**
 * What is done for space beside the commits: packing what waits, thinning before it is full, dropping what is too old, and
 * keeping some of the file system free. One thing at a time, begun after a segment is full, and each minute where time or
 * others decide. Nothing of it fails a commit.
 */
import type { Core } from './core.ts';
import { dropExpired, freeSome } from './expiry.ts';
import { packWaiting } from './packing.ts';
import { hasRoom } from './retention.ts';
import { thinOldest } from './thinning.ts';

const LOOK_EVERY_MS = 60_000;

export interface Upkeep {
  /** Something may be to do. Returns at once. */
  begin(): void;
  /** Resolves when nothing is under way. */
  stop(): Promise<void>;
}

export function createUpkeep(core: Core): Upkeep {
  let running: Promise<void> | undefined;
  let again = false;
  const ended = new AbortController();

  const work = async () => {
    await packWaiting(core);
    // Each round frees something of one segment, of which none is thinned more than twice.
    for (let rounds = 2 * core.segments.length; rounds > 0 && core.whenFull === 'thin' && !core.closed; rounds--) {
      if (hasRoom(core, 2) || !(await thinOldest(core, core.exclusive))) break;
    }
    if (core.maxAgeMs !== undefined) await core.exclusive(() => dropExpired(core));
    if (core.minFreeBytes > 0) await core.exclusive(() => freeSome(core));
  };
  const begin = () => {
    if (core.closed || core.storage !== 'ok') return;
    again = running !== undefined;
    running ??= work()
      .catch((error) => core.log('journal-upkeep', { error: String(error) }))
      .finally(() => {
        running = undefined;
        if (again) begin();
      });
  };
  const look = async () => {
    while (!core.closed) {
      await core.clock.sleep(LOOK_EVERY_MS, ended.signal);
      begin();
    }
  };
  if (core.maxAgeMs !== undefined || core.minFreeBytes > 0) void look();
  return {
    begin,
    async stop() {
      ended.abort();
      await running;
    },
  };
}
