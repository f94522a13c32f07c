/**
 * What must be true of a journal whatever happened to its disk. The oracle sees what the process saw: numbers it was
 * promised, batches it was given. It knows nothing of files.
 */
import type { Gap, RawBatch } from '../../../src/journal/types.ts';

export interface Oracle {
  accepted(stream: string, seq: number, content: string): void;
  /** A batch as a consumer got it; `after` is the last number of this session before it. Returns the new one. */
  delivered(consumer: string, batch: RawBatch, after: number, isNoted?: boolean): number;
  /** The device takes cursors again: what this process gave out meanwhile counts like the rest. */
  noted(): void;
  /**
   * The process is gone. A device that only reads has everything intact delivered (section 8 of the contract) and takes no
   * note of it: what was given out there, and never noted, the next process cannot know. So a record of it may come in a gap
   * of the next one, and a gap of it with other bounds; that it is named exactly if it does not come again stays asked.
   */
  ended(): void;
  /** Everything was drained: accepted = delivered + gaps, for each consumer. */
  finished(consumers: readonly string[]): void;
}

const isSolid = (gap: Gap): boolean => gap.lost === gap.to - gap.from + 1;

/** `damageExpected`: the device itself destroyed data, so gaps with that reason are true. */
interface Seen {
  readonly records: Set<string>;
  gaps: Gap[];
  /** Last number since the last rewind: a stream in memory counts from 1, its order is its own. */
  last: { stored: number; inMemory: number; stream: string };
  /** Given out where nothing could be written. */
  unnoted: { readonly records: Set<string>; readonly gaps: Gap[] };
  /** The same of processes that are gone. */
  readonly doubtful: Set<string>;
}

export function createOracle(damageExpected: boolean): Oracle {
  const promised = new Map<string, string>();
  const contents = new Map<string, string>();
  const numbersOf = new Map<string, string>();
  const seen = new Map<string, Seen>();
  const of = (consumer: string): Seen => {
    const known = seen.get(consumer) ?? {
      records: new Set<string>(),
      gaps: [],
      last: { stored: 0, inMemory: 0, stream: '' },
      unnoted: { records: new Set<string>(), gaps: [] },
      doubtful: new Set<string>(),
    };
    seen.set(consumer, known);
    return known;
  };
  const names = (gap: Gap, key: string) => {
    const [stream, seq] = key.split('/');
    return gap.stream === stream && gap.from <= Number(seq) && Number(seq) <= gap.to;
  };
  const sameContent = (key: string, content: string) => {
    const known = contents.get(key);
    if (known !== undefined && known !== content) throw new Error(`number ${key} used for two records`);
    contents.set(key, content);
    const number = numbersOf.get(content);
    if (number !== undefined && number !== key) throw new Error(`one record under two numbers ${number} and ${key}`);
    numbersOf.set(content, key);
  };

  const takeGaps = (known: Seen, batch: RawBatch, isNoted: boolean) => {
    for (const gap of batch.gaps) {
      if (gap.lost > gap.to - gap.from + 1 || gap.lost < 1) throw new Error('a gap with a wrong count');
      if (gap.reason === 'damaged' && !damageExpected) throw new Error(`false damage ${gap.from}..${gap.to}`);
      const same = known.gaps.find((one) => one.stream === gap.stream && one.from === gap.from);
      if (same && (same.to !== gap.to || same.lost !== gap.lost || same.reason !== gap.reason)) {
        throw new Error(`gap ${gap.from}..${gap.to} changed: it was ${same.from}..${same.to}`);
      }
      if (same) continue;
      for (let seq = gap.from; seq <= gap.to && gap.reason !== 'damaged'; seq++) {
        const key = `${gap.stream}/${seq}`;
        if (known.doubtful.delete(key)) known.records.delete(key);
        if (known.records.has(key)) throw new Error(`gap names delivered ${key}`);
      }
      const other = known.gaps.find((one) => one.stream === gap.stream && one.from <= gap.to && gap.from <= one.to);
      if (other && isSolid(other) && isSolid(gap)) {
        throw new Error(`gap ${gap.from}..${gap.to} changed: it was ${other.from}..${other.to}`);
      }
      known.gaps.push(gap);
      if (!isNoted) known.unnoted.gaps.push(gap);
    }
  };

  return {
    accepted(stream, seq, content) {
      const key = `${stream}/${seq}`;
      sameContent(key, content);
      promised.set(key, content);
    },
    delivered(consumer, batch, after, isNoted = true) {
      const known = of(consumer);
      const before = new Set(known.gaps);
      takeGaps(known, batch, isNoted || batch.volatile);
      if (after === 0) known.last = { stored: 0, inMemory: 0, stream: '' };
      const order = known.last;
      if (batch.volatile && order.stream !== batch.stream) Object.assign(order, { stream: batch.stream, inMemory: 0 });
      let last = batch.volatile ? order.inMemory : order.stored;
      const begin = last;
      for (const { seq, payload } of batch.records) {
        const key = `${batch.stream}/${seq}`;
        const content = Buffer.from(payload).toString('latin1');
        if (!/^record \d+ x*$/.test(content)) throw new Error(`record ${key} has content that nobody wrote`);
        if (seq <= last) throw new Error(`record ${key} came after ${last}`);
        for (let hole = last + 1; last !== begin && hole < seq; hole++) {
          const isNamed = known.gaps.some((gap) => names(gap, `${batch.stream}/${hole}`));
          if (!isNamed) throw new Error(`a hole inside a batch before ${key}`);
        }
        last = seq;
        sameContent(key, content);
        if (known.gaps.some((gap) => isSolid(gap) && names(gap, key) && before.has(gap))) {
          throw new Error(`record ${key} came, but a gap had named it`);
        }
        if (!known.records.has(key) && !isNoted && !batch.volatile) known.unnoted.records.add(key);
        else if (isNoted) for (const set of [known.unnoted.records, known.doubtful]) set.delete(key);
        known.records.add(key);
      }
      const { previous } = batch;
      if (previous && batch.records.length > 0 && previous.last >= batch.records[0]!.seq) {
        throw new Error(`previous ends at ${previous.last}, not before the batch`);
      }
      order[batch.volatile ? 'inMemory' : 'stored'] = last;
      return batch.records.length > 0 ? last : after;
    },
    noted() {
      for (const known of seen.values()) known.unnoted = { records: new Set(), gaps: [] };
    },
    ended() {
      for (const known of seen.values()) {
        for (const key of known.unnoted.records) known.doubtful.add(key);
        known.gaps = known.gaps.filter((gap) => !known.unnoted.gaps.includes(gap));
      }
      this.noted();
    },
    finished(consumers) {
      for (const consumer of consumers) {
        const { records, gaps } = of(consumer);
        const lost = new Set<string>();
        for (const { stream, from, to } of gaps) {
          for (let seq = from; seq <= to; seq++) if (!records.has(`${stream}/${seq}`)) lost.add(`${stream}/${seq}`);
        }
        const named = gaps.reduce((sum, gap) => sum + gap.lost, 0);
        // A record that came and was found damaged when it was to come again is named all the same.
        if (named !== lost.size && !(damageExpected && named > lost.size)) {
          throw new Error(`gaps name ${named} lost records for ${consumer}, but ${lost.size} did not come`);
        }
        for (const key of promised.keys()) {
          if (!records.has(key) && !gaps.some((gap) => names(gap, key))) {
            throw new Error(`accepted record ${key} was lost for ${consumer}`);
          }
        }
      }
    },
  };
}
