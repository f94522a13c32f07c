/**
 * Which directory a journal is in. What a newer version of the program wrote is not understood, so it is never written to:
 * after a step back to this version the journal begins in a directory of its own beneath, and the newer files stay as they
 * are for the day on which the newer version comes back. Promises: reads only; the same answer for whoever asks.
 */
import { join } from 'node:path';
import { CURSOR_NAMES, isNewerCursor, MAX_CURSOR_BYTES } from './cursor.ts';
import { BLOCK_BYTES, decodeHeader, FORMAT_VERSION, segmentNumber } from './format.ts';
import { type JournalFs, readFully } from './fs.ts';

export interface Place {
  readonly directory: string;
  /** Bytes beside it that count against `max_size`. */
  readonly besideBytes: number;
}

/** Beneath the journal's directory when a newer version's files are in it. */
export const OWN_DIRECTORY = `format-${FORMAT_VERSION}`;

export async function placeOf(fs: JournalFs, directory: string): Promise<Place> {
  const entries = (await fs.list(directory)) ?? [];
  const files = entries.filter(({ kind }) => kind === 'file').map(({ name }) => name);
  // Each opening writes both cursors, and the newest segment is of the newest version: these three tell.
  const newest = files.filter((name) => segmentNumber(name) !== undefined).sort();
  for (const name of [...CURSOR_NAMES.filter((cursor) => files.includes(cursor)), ...newest.slice(-1)]) {
    if (!(await isNewer(fs, join(directory, name), name))) continue;
    const beside = entries.filter((entry) => entry.name !== OWN_DIRECTORY);
    return {
      directory: join(directory, OWN_DIRECTORY),
      besideBytes: beside.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  }
  return { directory, besideBytes: 0 };
}

async function isNewer(fs: JournalFs, path: string, name: string): Promise<boolean> {
  const isSegment = segmentNumber(name) !== undefined;
  try {
    const file = await fs.open(path, 'read');
    try {
      const bytes = await readFully(file, isSegment ? BLOCK_BYTES : Math.min(await file.size(), MAX_CURSOR_BYTES), 0);
      return isSegment ? decodeHeader(bytes) === 'newer' : isNewerCursor(bytes);
    } finally {
      await file.close();
    }
  } catch {
    // Unreadable is not newer: the opening deals with it.
    return false;
  }
}
