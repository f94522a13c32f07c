/**
 * Buffers for the payloads of batches, used again and again. A payload lives from its making to its acknowledgement, which is
 * long for V8: as text or in a buffer of its own each one is moved into the old part of the heap and is garbage there until the
 * next full collection, 130 MB for a million readings that drain.
 *
 * Promise: a buffer that was given out is given to nobody else until its owner gives it back.
 */

/** Smaller payloads stay text: they die young, or are few. */
const SMALL_CHARACTERS = 8_192;

export interface PayloadPool {
  /** The text as UTF-8. `release` when nobody reads it any more; a payload that is never released is garbage like any other. */
  take(text: string): { readonly payload: string | Uint8Array; readonly release?: () => void };
}

/** Payloads up to `maxBytes` share buffers. There are as many as payloads were out at once, which their owner bounds. */
export function createPayloadPool(maxBytes: number): PayloadPool {
  const free: Buffer[] = [];
  let out = 0;
  return {
    take(text) {
      if (text.length < SMALL_CHARACTERS || Buffer.byteLength(text) > maxBytes) return { payload: text };
      const buffer = free.pop() ?? Buffer.allocUnsafeSlow(maxBytes);
      out += 1;
      let isOut = true;
      return {
        payload: buffer.subarray(0, buffer.write(text)),
        release() {
          if (!isOut) return;
          isOut = false;
          out -= 1;
          free.push(buffer);
          // A backlog has gone: one is enough for what comes now.
          if (out === 0) free.length = 1;
        },
      };
    },
  };
}
