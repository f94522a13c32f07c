/** Why a batch was not delivered, as the uplink's own failure. */
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import type { BatchMessage } from './sender.ts';

export const asSedgeError = (error: unknown): SedgeError =>
  error instanceof SedgeError
    ? error
    : new SedgeError(codeOf(error) ?? 'uplink.lost', messageOf(error), { cause: error });

/** A single record that is refused holds up all that follow, so say which. */
export function describeRefusal(error: unknown, { position, only }: BatchMessage): SedgeError {
  const known = asSedgeError(error);
  if (known.code !== 'uplink.rejected' || !only) return known;
  const message = `${known.message} Record ${only.seq} of stream ${position.stream} waits, and all after it; it is tried again.`;
  return new SedgeError(known.code, message, { cause: known });
}
