/** The check of the Pi's supply: a weak one damages cards and resets chips, and only the firmware tells. */
import { type Check, fault, ok, warning } from './types.ts';

/** Bits of `vcgencmd get_throttled`: now, and at some time since the start. */
const LOW_NOW = 1 << 0;
const LOW_SINCE = 1 << 16;
const FIX = 'use the official supply (5.1 V) and a short cable, and take USB devices off the board';

export const powerCheck: Check = {
  id: 'power',
  async run({ system }) {
    const told = await system.run('vcgencmd', ['get_throttled']);
    const bits = Number(/throttled=(0x[0-9a-f]+)/i.exec(told?.stdout ?? '')?.[1]);
    // Not a Pi, or not for this user (group video).
    if (!Number.isFinite(bits)) return [];
    if (bits & LOW_NOW) return [fault('the supply is below 4.63 V now: cards and chips fail like this', { fix: FIX })];
    if (bits & LOW_SINCE) return [warning('the supply fell below 4.63 V since the start', { fix: FIX })];
    return [ok('the supply has not fallen below 4.63 V since the start')];
  },
};
