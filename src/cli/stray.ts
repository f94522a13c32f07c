/** What nobody caught, as a line of the log: a driver that forgot an `await` ends like this. */
import { codeOf, messageOf } from '../errors.ts';
import type { LogFields } from '../service/log.ts';

/** `file:///home/pi/my-chip.js?changed=17:12:9` in a stack's line. Node's own frames say nothing. */
const FRAME = /\(?((?:file:\/\/)?\/[^()\s]+:\d+:\d+)\)?$/;

/** The first place of the stack, for the author of a driver. */
function placeOf(error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const line of stack.split('\n').slice(1)) {
    const place = FRAME.exec(line.trim())?.[1];
    if (place) return place.replace(/^file:\/\//, '').replace(/\?changed=[\d.]+/, '');
  }
  return undefined;
}

export const strayFields = (error: unknown): LogFields => ({
  code: codeOf(error),
  message: messageOf(error),
  at: placeOf(error),
});
