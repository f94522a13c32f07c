/** The notes kept beside the cursors: small facts of others. Bounded, because each cursor write carries them all. */
import { SedgeError } from '../errors.ts';

const MAX_NOTES = 64;
const MAX_KEY_BYTES = 128;
const MAX_NOTE_BYTES = 4096;
/** As JSON, all together: leaves room in the cursor for places and gaps. */
const MAX_NOTES_BYTES = 280 * 1024;

export const notesOf = (stored: Readonly<Record<string, string>> | undefined): Map<string, string> =>
  new Map(Object.entries(stored ?? {}));

/** Throws if the notes would become larger than the cursor can hold. */
export function checkNote(notes: ReadonlyMap<string, string>, key: string, value: string | undefined): void {
  if (value === undefined) return;
  const isNew = !notes.has(key);
  const all = JSON.stringify(Object.fromEntries([...notes, [key, value]]));
  if (
    (isNew && notes.size >= MAX_NOTES) ||
    Buffer.byteLength(key) > MAX_KEY_BYTES ||
    Buffer.byteLength(value) > MAX_NOTE_BYTES ||
    Buffer.byteLength(all) > MAX_NOTES_BYTES
  ) {
    const message = `The note ${key} does not fit: at most ${MAX_NOTES} notes of ${MAX_NOTE_BYTES} bytes are kept.`;
    throw new SedgeError('journal.note', message);
  }
}
