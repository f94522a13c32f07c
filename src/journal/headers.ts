/**
 * The headers of segment files, on a device that may not give all of them. Promises: one bad block does not keep the journal
 * shut, and a device that does not answer at all is never taken for damage.
 */
import { encodeHeader, HEADER_BYTES, HEADER_COPY_AT, PACKED_HEADER_BYTES, type SegmentHeader } from './format.ts';
import { errnoOf, type JournalEntry, type JournalFile, type JournalFs, readFully } from './fs.ts';
import { readHeader } from './segment.ts';

/** A block that fails so often is bad, if others answer. */
const HEADER_ATTEMPTS = 3;
/** Files that are asked whether the device answers at all. */
const ASKED_FILES = 4;

/** Undefined for a file that cannot be a segment; a device that does not answer is an error. */
export async function headerOrDamage(
  fs: JournalFs,
  path: string,
  deviceAnswers: () => Promise<boolean>,
): Promise<SegmentHeader | 'newer' | 'gone' | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readHeader(fs, path);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOENT') return 'gone';
      if (code === 'EACCES' || code === 'EPERM' || code === 'ELOOP') return undefined;
      if (code !== 'EIO') throw error;
      if (attempt === HEADER_ATTEMPTS) {
        // One bad block must not keep the whole journal shut.
        if (await deviceAnswers()) return undefined;
        throw error;
      }
    }
  }
}

/** Whether some other file of the journal can be read. */
export async function anotherAnswers(
  fs: JournalFs,
  pathOf: (name: string) => string,
  entries: readonly JournalEntry[],
  but: string,
): Promise<boolean> {
  const others = entries.filter(({ name, kind, sizeBytes }) => kind === 'file' && name !== but && sizeBytes > 0);
  for (const { name } of others.slice(-ASKED_FILES)) {
    const answered = await readHeader(fs, pathOf(name)).then(
      () => true,
      () => false,
    );
    if (answered) return true;
  }
  return false;
}

/** Where in the file a copy of its header is not what was written, though another one is. */
export async function damagedCopies(file: JournalFile, header: SegmentHeader): Promise<number[]> {
  const length = header.packed ? PACKED_HEADER_BYTES : HEADER_BYTES;
  const written = encodeHeader(header).subarray(0, length);
  const places = [0, HEADER_COPY_AT, ...(header.packed ? [(await file.size()) - length] : [])];
  const damaged: number[] = [];
  for (const at of places) {
    const copy = await readFully(file, length, at).catch((error) => {
      if (errnoOf(error) !== 'EIO') throw error;
      return undefined;
    });
    if (!copy?.equals(written)) damaged.push(at);
  }
  return damaged;
}
