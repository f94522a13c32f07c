/**
 * Looking into the journal beside its readers: what is stored and accepted, as it was written. Promises: no cursor moves, no
 * segment is pinned (the writer drops and recycles what it would without us), and a frame that goes meanwhile is left out,
 * because its checksum is of this segment and these numbers.
 */
import type { Core } from './core.ts';
import { recordsOf } from './format.ts';
import { framesOf, type Segment } from './segment.ts';
import type { ObservedRecord } from './types.ts';

/** Bound on the payloads of one look; a single larger record comes alone. */
const MAX_BYTES = 1024 * 1024;

export async function observe(
  { fs, pathOf, segments, tuning, codec }: Pick<Core, 'fs' | 'pathOf' | 'segments' | 'tuning' | 'codec'>,
  fromSeq: number,
  maxRecords: number,
): Promise<readonly ObservedRecord[]> {
  const found: ObservedRecord[] = [];
  let bytes = 0;
  /** Takes what fits; false when the look is over. */
  const take = (record: ObservedRecord): boolean => {
    if (record.seq < fromSeq) return true;
    bytes += record.payload.length;
    if (found.length > 0 && bytes > MAX_BYTES) return false;
    found.push(record);
    return found.length < maxRecords;
  };
  const look = async (segment: Segment): Promise<boolean> => {
    await segment.moving;
    const { header, name } = segment;
    const file = await fs.open(pathOf(name), 'read').catch(() => undefined);
    if (!file) return true;
    const frames = framesOf(file, segment, codec, tuning.checksum);
    try {
      for (let frame = await frames.next(fromSeq); frame; frame = await frames.next(fromSeq)) {
        for (const record of recordsOf(frame))
          if (!take({ ...record, stream: header.stream, bootId: header.bootId })) return false;
      }
      return true;
    } finally {
      await frames.close();
    }
  };
  // A copy: segments come and go while we read.
  for (const segment of segments.filter(({ lastSeq }) => lastSeq >= fromSeq)) if (!(await look(segment))) break;
  return found;
}
