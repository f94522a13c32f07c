/** The demo on a pipe: one line of totals at a time, for logs, scripts and people with a screen reader. */
import type { Totals } from './view.ts';

/** Well under the five seconds that are promised between two lines. */
export const PLAIN_EVERY_MS = 2_000;

const batches = (count: number): string => `${count} ${count === 1 ? 'batch' : 'batches'}`;

/** `12:00:05 taken 41, accepted 40, acknowledged 38 in 5 batches, backlog 2, gaps 0`; UTC. */
export function plainLine(nowMs: number, totals: Totals, brokerUp: boolean): string {
  const parts = [
    `taken ${totals.taken}`,
    `accepted ${totals.accepted}`,
    `acknowledged ${totals.acknowledged} in ${batches(totals.batches)}`,
    `backlog ${totals.backlog}`,
    `gaps ${totals.gaps}`,
    ...(brokerUp ? [] : ['broker cut']),
  ];
  return `${new Date(nowMs).toISOString().slice(11, 19)} ${parts.join(', ')}`;
}

export interface Outcome {
  readonly totals: Totals;
  /** Records that the batches themselves declare as not coming. */
  readonly declaredLost: number;
}

/**
 * What is left to say at the end. `lost` compares two independent counts: what the journal accepted, and what the broker
 * counted in the batches it was given. What was still under way when the demo ended is named apart.
 */
export function summary({ totals, declaredLost }: Outcome): string {
  const lost = Math.max(0, totals.accepted - totals.received - totals.backlog);
  const lines = [
    `taken         ${totals.taken}`,
    `accepted      ${totals.accepted}`,
    `acknowledged  ${totals.acknowledged} in ${batches(totals.batches)}`,
    `received      ${totals.received} distinct, counted by the broker (${totals.repeated} came twice)`,
    ...(totals.backlog > 0 ? [`undelivered   ${totals.backlog}: the broker was not back in time`] : []),
    `lost: ${lost}${declaredLost > 0 ? ` (${declaredLost} reported as gaps)` : ''}`,
  ];
  return lines.join('\n');
}
