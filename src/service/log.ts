/**
 * The log: one line per event, `area.event key=value ...`, on stderr. Under systemd each line begins with journald's level
 * (sd-daemon(3)). Never a reading, never a secret. What fails again and again is folded, see log-folding.ts.
 */
import { type Clock, systemClock } from '../clock.ts';
import { createFolding } from './log-folding.ts';
import { jsonLine, textLine } from './log-line.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Events are named `area.event`: `sensor.offline`, `journal.damaged`. */
export interface Log {
  error(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
  /** Writes what is folded at this moment; for the end. */
  flush(): void;
}

export interface LogEntry {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
  /** This entry is the last of so many that were folded. */
  readonly again?: { readonly times: number; readonly withinMs: number };
}

export interface LogOptions {
  readonly level?: LogLevel;
  readonly format?: LogFormat;
  /** Prefix lines with journald's levels: when systemd set JOURNAL_STREAM. */
  readonly journald?: boolean;
  readonly clock?: Clock;
  readonly write: (line: string) => void;
}

export function createLog(options: LogOptions): Log {
  const { level = 'info', format = 'text', journald = false, clock = systemClock, write } = options;
  const most = LOG_LEVELS.indexOf(level);
  const folding = createFolding(clock, (entry) =>
    write(format === 'json' ? jsonLine(entry, clock.now(), journald) : textLine(entry, journald)),
  );
  const at =
    (name: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(name) <= most) folding.take({ level: name, event, fields });
    };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug'), flush: folding.flush };
}

export const silentLog: Log = createLog({ write: () => {} });
