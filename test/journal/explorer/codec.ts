/** The explorer's records, packed: the number and the length of the padding say it all. */
import type { BlockCodec } from '../../../src/journal/types.ts';

export const contentOf = (number: number, padding: number): string => `record ${number} ${'x'.repeat(padding)}`;

/** Of so many records thinning keeps one. */
const KEEP_EVERY = 3;

export const recordCodec: BlockCodec = {
  pack: (records) =>
    Buffer.from(
      JSON.stringify(
        records.map(({ payload }) => {
          const text = Buffer.from(payload).toString('latin1');
          const [, number, padding] = text.split(' ');
          return [Number(number), padding!.length];
        }),
      ),
    ),
  unpack: (bytes) =>
    (JSON.parse(Buffer.from(bytes).toString()) as [number, number][]).map(([number, padding]) => ({
      type: 1,
      version: 1,
      payload: Buffer.from(contentOf(number, padding)),
    })),
  keep: (records) => records.map((_, index) => index % KEEP_EVERY === 0),
};
