/** The file in which an uplink without topics leaves the records that its destination refused for good. Bounded. */
import { open } from 'node:fs/promises';
import { SedgeError } from '../errors.ts';

/** A hundred thousand records: more is no longer an exception, and somebody must look. */
const MAX_FILE_BYTES = 50_000_000;

/** Resolves when the line is on the storage device. */
export async function appendDurably(path: string, line: string): Promise<void> {
  try {
    const file = await open(path, 'a', 0o600);
    try {
      const { size } = await file.stat();
      if (size > MAX_FILE_BYTES)
        throw new SedgeError(
          'uplink.storage',
          `The file ${path} of refused records is full: look at it, then move it away.`,
        );
      await file.appendFile(line);
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof SedgeError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new SedgeError('uplink.storage', `The file ${path} of refused records cannot be written (${code}).`, {
      cause: error,
    });
  }
}
