/** Consumers that come and go while the journal is open. */
import type { Consumer } from './consumer.ts';
import type { Core } from './core.ts';
import { firstStored } from './inspect.ts';
import { nameThinned } from './recovery.ts';

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
    resume: acked + 1,
    dropped: 0,
    gaps: [],
  };
  nameThinned(consumer, core.segments);
  core.consumers.set(name, consumer);
  return consumer;
}
