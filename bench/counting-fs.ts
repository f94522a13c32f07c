/** Counts what a journal asks of the device: bytes written, and flushes, also those that are part of a durable write. */
import type { JournalFile, JournalFs } from '../src/journal/fs.ts';

export function countingFs(fs: JournalFs): {
  readonly fs: JournalFs;
  readonly counts: { bytes: number; flushes: number };
} {
  const counts = { bytes: 0, flushes: 0 };
  const counting = (file: JournalFile): JournalFile => ({
    ...file,
    async write(bytes, position) {
      const written = await file.write(bytes, position);
      counts.bytes += written;
      return written;
    },
    async fdatasync() {
      counts.flushes += 1;
      await file.fdatasync();
    },
    ...(file.writeDurable && {
      async writeDurable(bytes: Uint8Array, position: number) {
        const written = await file.writeDurable!(bytes, position);
        counts.bytes += written;
        counts.flushes += 1;
        return written;
      },
    }),
  });
  return {
    fs: { ...fs, open: async (path, mode) => counting(await fs.open(path, mode)) },
    counts,
  };
}
