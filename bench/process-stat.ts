/** What Linux knows of a process: memory, processor time, wake-ups (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second of /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100;

export interface ProcessStat {
  readonly rssMb: number;
  readonly anonymousMb: number;
  readonly cpuS: number;
  /** Voluntary context switches of all threads: each is a wake-up that follows. */
  readonly wakeups: number;
  /** Of the thread that runs JavaScript. */
  readonly mainWakeups: number;
}

export function processStat(pid: number): ProcessStat {
  const field = (text: string, name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const after = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const switches = readdirSync(`/proc/${pid}/task`).map((task) => {
    const text = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    return { task: Number(task), count: field(text, 'voluntary_ctxt_switches') };
  });
  return {
    rssMb: field(status, 'VmRSS') / 1024,
    anonymousMb: field(status, 'RssAnon') / 1024,
    cpuS: (Number(after[11]) + Number(after[12])) / TICKS_PER_S,
    wakeups: switches.reduce((sum, { count }) => sum + count, 0),
    mainWakeups: switches.find(({ task }) => task === pid)?.count ?? 0,
  };
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
export const round = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits;
