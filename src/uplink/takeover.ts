/**
 * Two stations under one client id throw each other out for ever (MQTT 5 section 3.1.4, 3.1.1 section 3.1.4): says so. MQTT 5
 * names the reason; under 3.1.1 the broker just closes, so that only the repetition is a sign.
 */
import { SedgeError } from '../errors.ts';
import type { BrokerPlace } from './mqtt-errors.ts';

/** Sessions in a row that the other side closed soon. */
const SIGNS = 3;
const SOON_MS = 60_000;
/** It stays worth a warning for so long, because each of the two is connected half of the time. */
const WARNING_MS = 600_000;

export interface TakeoverWatch {
  /** A session ended: the reason, perhaps with a better one. */
  ended(reason: SedgeError | undefined, lastedMs: number): SedgeError | undefined;
  /** What a person should know now. */
  warning(): string | undefined;
}

export function watchTakeover(place: BrokerPlace, monotonic: () => number): TakeoverWatch {
  let signs = 0;
  let seen: { readonly message: string; readonly atMs: number } | undefined;
  return {
    ended(reason, lastedMs) {
      signs = reason?.code === 'uplink.lost' && lastedMs < SOON_MS ? signs + 1 : 0;
      const isTaken = reason?.code === 'uplink.taken-over';
      if (!isTaken && signs < SIGNS) return reason;
      const better = isTaken
        ? reason
        : new SedgeError(
            'uplink.taken-over',
            `${place.host} closes the connection again and again: another client may use the client id ${place.clientId} (give each station a device name of its own), or the broker restarts.`,
            { cause: reason },
          );
      seen = { message: better.message, atMs: monotonic() };
      return better;
    },
    warning: () => (seen && monotonic() - seen.atMs < WARNING_MS ? seen.message : undefined),
  };
}
