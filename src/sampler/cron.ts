/**
 * Calendar schedules. node-cron computes the next time; Sedge does the waiting, because node-cron's own runner lists every
 * missed slot after a forward clock step and falls silent after a backward one.
 */
import type { ScheduledTask } from 'node-cron';

/** Wall time (Unix ms) of the first slot after `afterMs`. `afterMs` is the wall clock's present. */
export type NextCronMs = (afterMs: number) => number;
/** Loads the calculator for one expression. Rejects if the expression or the time zone is wrong. */
export type LoadCron = (expression: string, timezone: string) => Promise<NextCronMs>;

/** A timer may wake a little before its slot; then the same slot would come out again. */
const EARLY_MS = 1_000;

export const loadCron: LoadCron = async (expression, timezone) => {
  const { createTask } = await import('node-cron');
  // Never started: only asked.
  const task: ScheduledTask = createTask(expression, () => {}, { timezone });
  let lastMs = Number.NEGATIVE_INFINITY;
  return (afterMs) => {
    const [first, second] = task.getNextRuns(2).map((date) => date.getTime());
    const isRepeat = first === lastMs && first - afterMs < EARLY_MS;
    const next = isRepeat ? second : first;
    if (next === undefined) return Number.POSITIVE_INFINITY;
    if (next - afterMs < EARLY_MS) lastMs = next;
    return next;
  };
};
