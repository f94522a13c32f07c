/**
 * One entry of the log as one line: for people and journalctl (`key=value`), or for programs (JSON). Whatever a driver or a
 * broker said in a message, it stays one line, of bounded length, without control characters and without a password.
 */
import type { LogEntry, LogLevel } from './log.ts';

/** sd-daemon(3): LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG. journald takes the prefix off. */
const JOURNALD_LEVEL: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** journald splits lines at 48 KiB; a sentence needs far less. */
const MAX_FIELD_CHARACTERS = 1_000;

/** The user part of a URL may hold a password (RFC 3986 section 3.2.1). */
const USER_INFO = /:\/\/[^/@\s"]*@/g;

type FieldValue = string | number | boolean;

function clean(value: FieldValue): FieldValue {
  if (typeof value !== 'string') return value;
  const text = value.replaceAll(USER_INFO, '://***@');
  return text.length <= MAX_FIELD_CHARACTERS ? text : `${text.slice(0, MAX_FIELD_CHARACTERS - 1)}…`;
}

const fieldsOf = ({ fields }: LogEntry): readonly (readonly [string, FieldValue])[] =>
  Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, clean(value)] as const]));

/** `text="with spaces"`, `plain=word`: what journalctl and grep read well. */
function pair(key: string, value: FieldValue): string {
  const text = String(value);
  return /^[\w.:/@+-]+$/.test(text) ? `${key}=${text}` : `${key}=${escapeC1(JSON.stringify(text))}`;
}

/** JSON escapes U+0000 to U+001F only; the other control characters move terminals just as well. */
const escapeC1 = (json: string): string =>
  json.replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const prefixOf = (level: LogLevel, journald: boolean): string => (journald ? `<${JOURNALD_LEVEL[level]}>` : '');

/** `warn: sensor.offline sensor=air code=bus.nack message="..." again="512 times in 10 min"`. */
export function textLine(entry: LogEntry, journald: boolean): string {
  const { level, event, again } = entry;
  const parts = fieldsOf(entry).map(([key, value]) => pair(key, value));
  if (again) parts.push(`again="${again.times} time${again.times === 1 ? '' : 's'} in ${duration(again.withinMs)}"`);
  const prefix = journald ? prefixOf(level, true) : level === 'info' ? '' : `${level}: `;
  return `${prefix}${[event, ...parts].join(' ')}\n`;
}

/** `{"time":"...","level":"warn","event":"sensor.offline","sensor":"air","again":512,"again_ms":600000}`. */
export function jsonLine(entry: LogEntry, nowMs: number, journald: boolean): string {
  const { level, event, again } = entry;
  const line = {
    time: new Date(nowMs).toISOString(),
    level,
    event,
    // What the line itself says comes first, and no field takes its place.
    ...Object.fromEntries(fieldsOf(entry).filter(([key]) => !['time', 'level', 'event'].includes(key))),
    ...(again && { again: again.times, again_ms: again.withinMs }),
  };
  return `${prefixOf(level, journald)}${escapeC1(JSON.stringify(line))}\n`;
}

function duration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  return seconds < 60 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
