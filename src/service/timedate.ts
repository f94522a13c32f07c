/**
 * Asks systemd-timedated whether the kernel counts its clock as synchronised. It holds for chrony (with `rtcsync`, Debian's
 * default) as for any daemon that disciplines the kernel's clock. Over D-Bus, because the service's sandbox (ProtectClock=)
 * forbids to ask the kernel, and chronyd's own socket belongs to another user. Promises: answers within a bound; undefined if
 * nobody can say.
 */
import { execFile } from 'node:child_process';

const ANSWER_MS = 5_000;
const PLACE = 'org.freedesktop.timedate1';
const QUESTION = ['get-property', PLACE, '/org/freedesktop/timedate1', PLACE, 'NTPSynchronized'];

export function askTimedate(): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    execFile('busctl', QUESTION, { timeout: ANSWER_MS }, (error, stdout) => {
      resolve(error ? undefined : parseAnswer(stdout));
    });
  });
}

/** busctl(1) prints the type and the value: `b true`. */
export function parseAnswer(text: string): boolean | undefined {
  const match = /^b (true|false)\s*$/.exec(text);
  return match ? match[1] === 'true' : undefined;
}
