/**
 * The device under a durable journal (failover.ts), as one opening after the other uses it. Promises: no operation on it waits for
 * ever (patience.ts); after one that did not come back nothing is tried until it has, so that what comes late finds the files
 * as it knew them, and that no more threads are lost to a device that hangs.
 */
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import type { SedgeError } from '../errors.ts';
import { errno, errnoOf, type JournalFs, nodeFs, storageError, writeFully } from './fs.ts';
import type { OpenOptions } from './options.ts';
import { type PatientFs, patientFs } from './patience.ts';
import { TAIL_NAME } from './recovery.ts';

const PROBE_BYTES = 4096;

export interface Device {
  /** Its files, for one opening; throws `journal.storage` while it has not answered to an earlier one. */
  fs(): JournalFs;
  /** Throws unless the device takes a write now. */
  probe(): Promise<void>;
  /** The process is to end: waits less from now on. */
  hurry(): void;
}

/** `onSilence` is given the error that all the rest fails with. */
export function deviceOf(options: OpenOptions, onSilence: (error: SedgeError) => void): Device {
  const { directory, fs: inner = nodeFs, deviceClock = systemClock } = options;
  let current: PatientFs | undefined;
  let isHurried = false;
  const noAnswer = () => storageError(errno('ETIMEDOUT', 'an operation has not come back'), directory);
  const fs = () => {
    if (current?.isSilent && !current.isQuiet) throw noAnswer();
    if (!current || current.isSilent) {
      current = patientFs(inner, deviceClock, () => onSilence(noAnswer()));
      if (isHurried) current.hurry();
    }
    return current.fs;
  };
  return {
    fs,
    async probe() {
      const { makeDirectory, unlink, open } = fs();
      await makeDirectory(directory);
      const path = join(directory, TAIL_NAME);
      await unlink(path).catch((error) => {
        if (errnoOf(error) !== 'ENOENT') throw error;
      });
      const file = await open(path, 'create');
      try {
        await writeFully(file, Buffer.alloc(PROBE_BYTES), 0);
        await file.fdatasync();
      } finally {
        await file.close().catch(() => {});
      }
      await unlink(path);
    },
    hurry() {
      isHurried = true;
      current?.hurry();
    },
  };
}
