/**
 * What a format of batches is: a pure function from a batch to the messages that carry it. How each keeps (stream, seq),
 * so that a receiver can remove duplicates and see gaps, stands in its own file's head.
 */
import type { Batch } from '../../batch.ts';
import type { FormatName } from '../../config/types.ts';
import type { Catalogue } from '../../reading.ts';
import type { Station } from '../types.ts';
import type { TextMessage } from './messages.ts';

export interface EncodeOptions {
  readonly device: string;
  /** Bound on one payload. A single larger record, or the first one with its gaps, goes alone. */
  readonly maxBytes: number;
  /** For units. A sensor that is no longer configured has none. */
  readonly catalogue: Catalogue;
}

/** The catalogue is asked for only by formats that say units, with each batch. */
export const encodingFor = ({ device, catalogue }: Station, maxBytes: number): EncodeOptions => ({
  device,
  maxBytes,
  get catalogue() {
    return catalogue();
  },
});

export interface BatchFormat {
  readonly name: FormatName;
  /** RFC 6838 media type. */
  readonly mediaType: string;
  /** At least one message. A payload that is empty has nothing to say: it is acknowledged without being sent. */
  encode(batch: Batch, options: EncodeOptions): readonly TextMessage[];
}
