/**
 * The journal of the moment. A reload may replace it by another one; what is appended meanwhile waits for that one, and if
 * it cannot be opened, everything stays as it was.
 */
import type { Clock } from './clock.ts';
import type { Config } from './config/types.ts';
import { openDurableJournal } from './journal/failover.ts';
import type { BlockCodec, Journal, JournalRecord, OldestRecord } from './journal/types.ts';
import type { Log, LogFields } from './service/log.ts';

export interface CurrentJournal {
  get(): Journal;
  /** `urgent` is committed at once. */
  append(record: JournalRecord, urgent: boolean): Promise<number>;
  /** Opens the journal of `next` instead. Rejects, with the journal of `previous` in use, if that cannot be opened. */
  replace(previous: Config, next: Config): Promise<void>;
}

export interface CurrentJournalOptions {
  readonly config: Config;
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How records are packed and thinned, and how old one is: the journal knows neither. */
  readonly codec: BlockCodec;
  readonly ageMs: (record: OldestRecord) => number | undefined;
}

const LEVELS: Readonly<Record<string, 'error' | 'info'>> = {
  'journal-storage-failed': 'error',
  'journal-storage-back': 'info',
  'journal-thinned': 'info',
};
/** The journal names its events `journal-damaged` and its causes `error`; the log has `journal.damaged` and `message`. */
function journalLog(log: Log): (event: string, fields?: LogFields) => void {
  return (event, { error, ...fields } = {}) => {
    const said = { ...fields, ...(error !== undefined && { message: error }) };
    log[LEVELS[event] ?? 'warn'](event.replace(/^journal-/, 'journal.'), said);
  };
}

export async function openCurrentJournal({
  config,
  bootId,
  clock,
  log,
  codec,
  ageMs,
}: CurrentJournalOptions): Promise<CurrentJournal> {
  const open = ({ journal, uplinks }: Config): Promise<Journal> =>
    openDurableJournal({
      directory: journal.directory,
      maxSizeBytes: journal.maxSizeBytes,
      minFreeBytes: journal.minFreeBytes,
      maxAgeMs: journal.maxAgeMs,
      ageMs,
      whenFull: journal.whenFull,
      codec,
      commitEveryMs: journal.commitEveryMs,
      consumers: uplinks.map(({ name }) => name),
      bootId,
      clock,
      log: journalLog(log),
    });

  let current = await open(config);
  /** Set while there is no journal to append to; resolves when there is one again. */
  let between: Promise<void> | undefined;

  const move = async (next: Config) => {
    const left = current;
    current = await open(next);
    const { pending } = left.status();
    await left.close();
    const records = Math.max(0, ...Object.values(pending));
    // They stay where they are; a journal opened there again delivers them.
    if (records > 0) log.warn('journal.left', { records, message: 'records wait in the journal that was left' });
  };
  const reopen = async (previous: Config, next: Config) => {
    await current.close();
    try {
      current = await open(next);
    } catch (error) {
      current = await open(previous);
      throw error;
    }
  };

  return {
    get: () => current,
    append(record, urgent) {
      return between ? between.then(() => current.append(record, urgent)) : current.append(record, urgent);
    },
    async replace(previous, next) {
      // Another directory can be opened beside the one in use; the same one cannot.
      if (previous.journal.directory !== next.journal.directory) return move(next);
      const reopening = reopen(previous, next);
      between = reopening.catch(() => {});
      try {
        await reopening;
      } finally {
        between = undefined;
      }
    },
  };
}
