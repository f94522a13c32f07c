/**
 * JSON lines for files: one record a line, as `sedge receive` writes it, with `kind` for events and windows; and before the
 * records of a batch a line with what the batch says besides: `{"device":...,"batch":{...}}`, and one for each gap. Together
 * they prove what a `json` batch proves.
 */

import type { Batch } from '../../batch.ts';
import { recordJson } from '../batch-json.ts';
import { type Frame, inMessages, type TextMessage } from './messages.ts';
import type { EncodeOptions } from './types.ts';

export function encodeLines(batch: Batch, { device, maxBytes }: EncodeOptions): readonly TextMessage[] {
  const head = `{"device":"${device}",`;
  const recordHead = `${head}"stream":"${batch.stream}",`;
  return inMessages(batch, maxBytes, {
    separatorBytes: 0,
    record(record) {
      const kind = record.kind === 'reading' ? '' : `"kind":"${record.kind}",`;
      return `${recordHead}${kind}${recordJson(record).slice(1)}\n`;
    },
    message: (frame, lines) => `${frameLines(frame, head)}${lines.join('')}`,
  });
}

function frameLines({ stream, range, skipped, volatile, previous, gaps }: Frame, head: string): string {
  let lines = '';
  for (const gap of gaps) {
    const { stream: of, from, to, lost, reason } = gap;
    lines += `${head}"gap":{"stream":"${of}","from":${from},"to":${to},"lost":${lost},"reason":"${reason}"}}\n`;
  }
  if (!range) return lines;
  const before = previous ? `,"previous":{"stream":"${previous.stream}","last":${previous.last}}` : '';
  const more = `${skipped > 0 ? `,"skipped":${skipped}` : ''}${volatile ? ',"volatile":true' : ''}`;
  return `${lines}${head}"batch":{"stream":"${stream}","first":${range.first},"last":${range.last}${before}${more}}}\n`;
}
