/** The check of the wall clock: set, and kept set; by the rules of timekeeper.ts. */
import { existsSync } from 'node:fs';
import { createTimekeeper } from '../timekeeper.ts';
import { type Check, fault, ok, warning } from './types.ts';

const TIMESYNCD = '/run/systemd/timesync';

export const clockCheck: Check = {
  id: 'clock',
  async run({ system, clock, builtAtMs }) {
    const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    if (clock.now() < builtAtMs)
      return [
        fault(`the clock says ${now}, which is before this program was built: readings go out marked unsynced`, {
          fix: 'sudo timedatectl set-ntp true   (and a network; without one: sudo date -s "2026-01-31 12:00")',
        }),
      ];
    const timekeeper = createTimekeeper({ clock, builtAtMs, exists: (path) => existsSync(system.root + path) });
    if (!timekeeper.synced())
      return [
        warning(`timesyncd has not set the clock since the start: it says ${now}`, {
          fix: 'sudo timedatectl set-ntp true && timedatectl timesync-status   (it needs a network and UDP port 123)',
        }),
      ];
    const by = (await system.files.facts(TIMESYNCD)) ? 'set by timesyncd' : 'plausible; timesyncd does not run here';
    return [ok(`${now}, ${by}`)];
  },
};
