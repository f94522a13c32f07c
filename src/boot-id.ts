/** Which boot this is: records keep it, because their monotonic times are comparable within one boot only. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The kernel's id of this boot; on other systems one per process, which is never wrong, only finer. */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return randomUUID();
  }
}
