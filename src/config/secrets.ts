/**
 * What of a configuration is secret, and what is said when others may read or change the file. A warning, never an error: a
 * station whose file was copied with the wrong mode goes on measuring, and says so in its log, in `check`, in health and in `doctor`.
 */
import { parse } from 'yaml';

/** Parts of sentences by which `doctor`, which says the same with a command, knows them. */
export const MAY_BE_READ = 'can be read by every user';
export const MAY_BE_CHANGED = 'can be changed by every user';

export interface Secrets {
  /** In the file itself: a password, or a header of a request. */
  readonly isHere: boolean;
  /** Files that hold a password, as they are named. */
  readonly files: readonly string[];
  /** Files of the local API's token and key. */
  readonly apiFiles: readonly string[];
}

type Table = Readonly<Record<string, unknown>>;
const isTable = (value: unknown): value is Table => typeof value === 'object' && value !== null;
/** `${NAME}` alone is in the environment, not here. */
/** Headers that show who asks; others are no secret. */
const SECRET_HEADER = /authorization|cookie|token|key|secret|password/i;
const isWritten = (value: unknown) => typeof value === 'string' && !/^\$\{\w+\}$/.test(value);

/** Also of a file with mistakes; of one that is no YAML nothing. */
export function secretsIn(text: string): Secrets {
  let parsed: unknown;
  try {
    parsed = parse(text);
  } catch {
    return { isHere: false, files: [], apiFiles: [] };
  }
  const { uplinks, api } = isTable(parsed) ? parsed : {};
  const tables = isTable(uplinks) ? Object.values(uplinks).filter(isTable) : [];
  const texts = (key: string) => tables.map((table) => table[key]).filter((value) => typeof value === 'string');
  const headers = tables.flatMap((table) => (isTable(table.headers) ? Object.entries(table.headers) : []));
  const { token_file, key_file } = isTable(api) ? api : {};
  const outside = (name: unknown): name is string => typeof name === 'string' && !name.includes('${');
  return {
    isHere:
      texts('password').some(isWritten) ||
      headers.some(([name, value]) => SECRET_HEADER.test(name) && isWritten(value)) ||
      texts('url').some((url) => /:\/\/[^/@:]*:[^/@]+@/.test(url)),
    files: texts('password_file').filter(outside),
    apiFiles: [token_file, key_file].filter(outside),
  };
}

/** `file` as the user named it, read with success. */
export function modeWarnings(
  file: string,
  { text, open, writable }: { readonly text: string; readonly open: boolean; readonly writable: boolean },
): readonly string[] {
  return [
    ...(writable ? [`${file} ${MAY_BE_CHANGED}, and so can what this program runs: run chmod o-w on it`] : []),
    ...(open && secretsIn(text).isHere ? [`${file} holds a secret and ${MAY_BE_READ}: run chmod o-rwx on it`] : []),
  ];
}
