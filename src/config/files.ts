/** The files that a configuration names, read whole and bounded. A failure is a predicate for a message: "is not there". */
import { type FileHandle, open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export type TextFile =
  | {
      readonly text: string;
      /** Others than owner and group may read it. */
      readonly open: boolean;
      /** And may change it. */
      readonly writable: boolean;
    }
  | { readonly wrong: string };

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a directory, and a file is expected',
};
const OTHERS_MAY_READ = 0o004;
const OTHERS_MAY_WRITE = 0o002;

/** Reads at most `maxBytes`; also from a pipe. Text must be UTF-8; a byte order mark is left out. */
export async function readText(path: string, maxBytes: number): Promise<TextFile> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { mode } = await file.stat();
    const chunks: Buffer[] = [];
    for (let bytes = 0; ; ) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536);
      if (bytesRead === 0) break;
      bytes += bytesRead;
      if (bytes > maxBytes) return { wrong: `is larger than ${maxBytes / 1000}KB, which is the most that is read` };
      chunks.push(buffer.subarray(0, bytesRead));
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    return { text, open: (mode & OTHERS_MAY_READ) !== 0, writable: (mode & OTHERS_MAY_WRITE) !== 0 };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return { wrong: 'is not UTF-8 text' };
    return { wrong: REASONS[code] ?? `cannot be read (${code})` };
  } finally {
    await file?.close();
  }
}

/** Where the journal is unless the configuration says so: systemd's directory, else the user's. */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>): string {
  // systemd.exec(5): several directories are separated by colons.
  const [systemd] = (env.STATE_DIRECTORY ?? '').split(':');
  if (systemd) return systemd;
  // XDG Base Directory Specification: a relative path there is to be ignored.
  const xdg = env.XDG_STATE_HOME ?? '';
  return isAbsolute(xdg) ? join(xdg, 'sedge') : join(env.HOME || homedir(), '.local', 'state', 'sedge');
}
