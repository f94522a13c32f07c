/**
 * The log: one line per event, key=value, on stderr. Under systemd each line begins with journald's level (<3> and so on,
 * sd-daemon(3)). Never a reading, never a secret.
 */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  error(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
}

const ORDER: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];
/** sd-daemon(3): LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG. */
const JOURNALD_LEVEL: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** `text="with spaces"`, `plain=word`: what journalctl and grep read well. Control characters never reach a terminal. */
function field(key: string, value: string | number | boolean): string {
  const text = String(value);
  return /^[\w.:/@+-]+$/.test(text) ? `${key}=${text}` : `${key}=${JSON.stringify(text)}`;
}

export interface LogOptions {
  readonly level?: LogLevel;
  /** Prefix lines with journald's levels: when systemd set JOURNAL_STREAM. */
  readonly journald?: boolean;
  readonly write: (line: string) => void;
}

export function createLog({ level = 'info', journald = false, write }: LogOptions): Log {
  const at =
    (name: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      if (ORDER.indexOf(name) > ORDER.indexOf(level)) return;
      const parts = Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [field(key, value)]));
      const prefix = journald ? `<${JOURNALD_LEVEL[name]}>` : name === 'info' ? '' : `${name}: `;
      write(`${prefix}${[event, ...parts].join(' ')}\n`);
    };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

export const silentLog: Log = createLog({ write: () => {} });
