/** What an opening of a journal is given, beyond what the rest of the program knows of. */
import type { Clock } from '../clock.ts';
import type { Carried } from './carried.ts';
import type { JournalLog, Tuning } from './core.ts';
import type { JournalFs } from './fs.ts';
import type { JournalOptions } from './types.ts';

export interface OpenOptions extends JournalOptions {
  readonly clock: Clock;
  readonly fs?: JournalFs;
  /** By which the device is waited for, the system's unless its files are simulated: real files take real time. */
  readonly deviceClock?: Clock;
  /** So many random bytes: for streams and salts. */
  readonly random?: (bytes: number) => Buffer;
  readonly log?: JournalLog;
  /** Marks every batch: the records are nowhere but in memory. */
  readonly volatile?: boolean;
  /** From and for other openings of this directory in this process. */
  readonly carried?: Carried;
  /** What is written goes nowhere: nothing is appended, dropped, packed, or thinned. */
  readonly readOnly?: boolean;
  /** For tests: small files, short strides. */
  readonly tuning?: Partial<Tuning>;
}
