/** One process on the explorer's disk: how a history opens, writes and closes the journal. */
import type { Clock } from '../../../src/clock.ts';
import type { JournalFs, OpenOptions } from '../../../src/journal/journal.ts';
import type { Journal } from '../../../src/journal/types.ts';
import { contentOf } from './codec.ts';
import type { Disk } from './disk.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import type { Turns } from './turns.ts';

/** An opening that fails because the device failed is tried again; nothing else may make it fail. */
const MAX_OPEN_ATTEMPTS = 50;

export interface Openers {
  readonly openJournal: (options: OpenOptions) => Promise<Journal>;
  readonly openDurableJournal: (options: OpenOptions) => Promise<Journal>;
}

export interface Session {
  readonly random: Random;
  readonly turns: Turns;
  readonly disk: Disk;
  readonly oracle: Oracle;
  readonly consumers: readonly string[];
  readonly options: Omit<OpenOptions, 'clock' | 'fs'>;
  readonly mount: () => JournalFs;
  readonly opener: (options: OpenOptions) => Promise<Journal>;
  written: number;
  /** The journal is read from a device that takes no writes. */
  isReadOnly: boolean;
}

/** Opens; undefined if the process died meanwhile. */
export async function open(
  { options, turns, disk, mount, opener }: Session,
  clock: Clock,
): Promise<Journal | undefined> {
  const fs = mount();
  for (let attempt = 1; ; attempt++) {
    let result: Journal | undefined;
    let error: unknown;
    opener({ ...options, clock, fs }).then(
      (journal) => {
        result = journal;
      },
      (reason) => {
        error = reason;
      },
    );
    await turns.pass(() => disk.isDead() || result !== undefined || error !== undefined);
    if (disk.isDead()) return undefined;
    if (result) return result;
    if (error === undefined) throw new Error('an opening does not end');
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'journal.storage' || attempt === MAX_OPEN_ATTEMPTS) throw new Error(`an opening failed: ${message}`);
  }
}

export async function close({ turns, disk }: Session, journal: Journal): Promise<void> {
  let isClosed = false;
  void journal.close().then(() => {
    isClosed = true;
  });
  if (!(await turns.pass(() => isClosed || disk.isDead()))) throw new Error('a closing does not end');
}

/** What became of it; undefined while that is open. */
export function write(session: Session, journal: Journal, urgent = session.random.chance(0.3)): { outcome?: string } {
  const { random, disk, oracle } = session;
  session.written += 1;
  const padding = random.chance(0.1) ? random.below(9_000) : random.below(600);
  const content = contentOf(session.written, padding);
  const { stream } = journal;
  const written: { outcome?: string } = {};
  journal.append({ type: 1, version: 1, payload: Buffer.from(content) }, urgent).then(
    (seq) => {
      written.outcome = journal.volatile ? 'volatile' : 'accepted';
      // What is in memory only was never promised; nor can it be told where a record went while that changed.
      if (!disk.isDead() && !journal.volatile && journal.stream === stream) oracle.accepted(stream, seq, content);
    },
    (error) => {
      written.outcome = String(error.code);
    },
  );
  return written;
}
