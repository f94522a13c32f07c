/**
 * Where lines go. `write` resolves when they are where a crash cannot take them: flushed to the storage device for a file,
 * handed over for standard output.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { messageOf, SedgeError } from '../errors.ts';
import type { Format, Reader } from './formats.ts';

export interface Output {
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

export function streamOutput(stream: Writable): Output {
  // A reader that has gone (EPIPE) is told by the write that fails.
  stream.on('error', () => undefined);
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error) => (error ? reject(outputError('standard output', error)) : resolve()));
      }),
    close: () => Promise.resolve(),
  };
}

const CHUNK_BYTES = 1024 * 1024;
const LINE_END = 0x0a;

/**
 * Opens a file to append to, after reading what it holds. An end that a crash tore (a line without its end, a record
 * without its last rows) is cut off: its message was not acknowledged and comes again.
 */
export async function fileOutput<T extends object>(
  path: string,
  format: Format<T>,
  restore: (item: T) => void,
): Promise<Output> {
  let file: FileHandle | undefined;
  // A device or a pipe has nothing to read back, and nothing to flush.
  let isRegular = true;
  try {
    file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600);
    const stat = await file.stat();
    isRegular = stat.isFile();
    const goodBytes = isRegular ? await readBack(file, path, format, restore) : 0;
    if (isRegular && goodBytes < stat.size) await file.truncate(goodBytes);
    if (goodBytes === 0) await file.appendFile(format.header);
    if (isRegular) {
      await file.datasync();
      await flushDirectory(path);
    }
  } catch (error) {
    await file?.close();
    if (error instanceof SedgeError) throw error;
    throw outputError(path, error);
  }
  const handle = file;
  return {
    async write(text) {
      try {
        await handle.appendFile(text);
        if (isRegular) await handle.datasync();
      } catch (error) {
        throw outputError(path, error);
      }
    },
    close: () => handle.close(),
  };
}

/** Returns how many bytes of the file are whole. */
async function readBack<T extends object>(
  file: FileHandle,
  path: string,
  format: Format<T>,
  restore: (item: T) => void,
): Promise<number> {
  const reader = format.reader();
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let rest: Buffer = Buffer.alloc(0);
  let position = 0;
  let lineStart = 0;
  let goodBytes = 0;
  let understood = 0;
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return goodBytes;
    if (position === 0 && !beginsAlike(chunk.toString('utf8', 0, bytesRead), format.begins))
      throw foreignFileError(path);
    position += bytesRead;
    let text = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    for (let end = text.indexOf(LINE_END); end >= 0; end = text.indexOf(LINE_END)) {
      const item = tryLine(reader, text.toString('utf8', 0, end));
      lineStart += end + 1;
      if (item === undefined && understood === 0) throw foreignFileError(path);
      if (item !== undefined) understood += 1;
      if (item !== undefined && item !== 'more') goodBytes = lineStart;
      if (typeof item === 'object') restore(item);
      text = text.subarray(end + 1);
    }
    rest = text;
  }
}

/** Of a file that is there only once it has something to hold. */
export async function lazyOutput(path: string, open: () => Promise<Output>): Promise<Output> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  let output = isThere ? await open() : undefined;
  return {
    async write(text) {
      output ??= await open();
      await output.write(text);
    },
    async close() {
      await output?.close();
    },
  };
}

/** As far as both go: a crash may have left less than the whole beginning. */
const beginsAlike = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);

/** undefined: a line that is not ours, or was damaged. */
function tryLine<T>(reader: Reader<T>, text: string): T | 'header' | 'more' | undefined {
  try {
    return reader.line(text);
  } catch {
    return undefined;
  }
}

async function flushDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const foreignFileError = (path: string): SedgeError =>
  new SedgeError(
    'usage',
    `${path} holds something else than the output of this command in this format: give another --out or --format.`,
  );

const outputError = (where: string, error: unknown): SedgeError =>
  new SedgeError('receive.output', `Cannot write to ${where}: ${messageOf(error)}. Nothing more is acknowledged.`, {
    cause: error,
  });
