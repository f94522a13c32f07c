/**
 * Puts a directory in order after `survey`, at open. Promises: what was recovered is flushed before anybody sees it; the
 * cursor is durable, in the slot that did not hold it, before anything is moved or removed; damaged files are kept aside,
 * within a bound, for a person to look at.
 */
import { type Core, reservedBytes } from './core.ts';
import { errnoOf } from './fs.ts';
import { QUARANTINE_SUFFIX, SPARE_NAME, type Survey } from './recovery.ts';
import { release, shrink } from './retention.ts';

const MAX_QUARANTINED_FILES = 4;
/** Share of the journal's size that the quarantine may take. */
const MAX_QUARANTINED_SHARE = 1 / 8;

export async function tidy(core: Core, found: Survey): Promise<void> {
  const newest = core.segments.at(-1);
  if (newest) await syncAndMaybeTruncate(core, newest.name);
  await core.fs.syncDirectory(core.directory);
  // A directory or link under a cursor's name would be in the way.
  for (const entry of found.damaged) {
    if (entry.kind !== 'file' && entry.name.startsWith('cursor-')) await moveAside(core, entry.name);
  }
  await core.cursor.save();
  if (newest && newest.endBytes < newest.sizeBytes) {
    await syncAndMaybeTruncate(core, newest.name, newest.endBytes);
    newest.sizeBytes = newest.endBytes;
  }
  for (const entry of found.damaged) {
    if (entry.kind === 'file' || !entry.name.startsWith('cursor-')) await moveAside(core, entry.name);
  }
  for (const entry of found.surplus) if (await remove(core, entry.name)) core.otherBytes -= entry.sizeBytes;
  await boundQuarantine(core, found);
  if (core.spareBytes > 0 && core.spareBytes !== core.tuning.segmentBytes && (await remove(core, SPARE_NAME))) {
    core.spareBytes = 0;
  }
  await release(core);
  if (reservedBytes(core) > core.maxSizeBytes) {
    if (core.spareBytes > 0 && (await remove(core, SPARE_NAME))) core.spareBytes = 0;
    await shrink(core);
  }
}

async function syncAndMaybeTruncate(core: Core, name: string, lengthBytes?: number): Promise<void> {
  const file = await core.fs.open(core.pathOf(name), 'write');
  try {
    if (lengthBytes !== undefined) await file.truncate(lengthBytes);
    await file.fdatasync();
  } finally {
    await file.close().catch(() => {});
  }
}

async function moveAside(core: Core, name: string): Promise<void> {
  core.log('journal-quarantined', { file: name });
  await core.fs.rename(core.pathOf(name), core.pathOf(name + QUARANTINE_SUFFIX)).catch((error) => {
    core.log('journal-quarantine-failed', { file: name, error: String(error) });
  });
}

/** The newest few stay. */
async function boundQuarantine(core: Core, found: Survey): Promise<void> {
  const kept = [
    ...found.quarantined,
    ...found.damaged.map((entry) => ({ ...entry, name: entry.name + QUARANTINE_SUFFIX })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  let bytes = kept.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  while (kept.length > MAX_QUARANTINED_FILES || bytes > core.maxSizeBytes * MAX_QUARANTINED_SHARE) {
    const oldest = kept.shift();
    if (!oldest) return;
    bytes -= oldest.sizeBytes;
    if (await remove(core, oldest.name)) core.otherBytes -= oldest.sizeBytes;
  }
}

async function remove(core: Core, name: string): Promise<boolean> {
  try {
    await core.fs.unlink(core.pathOf(name));
    return true;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}
