/** Consumers that come and go while the journal is open. */
import { acknowledge, type Consumer } from './consumer.ts';
import type { Core } from './core.ts';
import { firstStored } from './inspect.ts';
import { nameThinned, type Recovered } from './recovery.ts';
import type { BatchPosition } from './types.ts';

/** A consumer that is new begins at the oldest record stored, so that one under a new name loses nothing. */
export function addConsumer(core: Core, name: string): Consumer {
  const acked = (firstStored(core.segments) ?? core.newest + 1) - 1;
  const consumer: Consumer = {
    name,
    stream: '',
    acked,
    ackedDurable: acked,
    offered: acked,
    marked: acked,
    given: acked,
    dropped: 0,
    gaps: [],
  };
  nameThinned(consumer, core.segments);
  core.consumers.set(name, consumer);
  return consumer;
}

/** Takes in what was acknowledged while no cursor could be written. */
export function adoptPlaces({ newest, consumers }: Recovered, places: ReadonlyMap<string, BatchPosition>): void {
  for (const [name, { stream, seq, gaps }] of places) {
    const consumer = consumers.get(name);
    if (!consumer || seq > (newest?.seq ?? 0)) continue;
    consumer.given = Math.max(consumer.given, seq);
    acknowledge(consumer, stream, seq, gaps);
    consumer.offered = Math.max(consumer.offered, consumer.acked);
    consumer.marked = Math.max(consumer.marked, consumer.acked);
  }
}
