/**
 * One process per journal, by a socket named after the directory's device and inode: the kernel lets go of it with the
 * process, so no kill leaves a stale lock. On Linux the name is in the abstract namespace and leaves no file; elsewhere it
 * is a file in the temporary directory whose owner is asked whether it lives.
 */
import { stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SedgeError } from '../errors.ts';

const abstract = process.platform === 'linux';

/** The socket's name for a directory, which must be there. */
async function socketPath(directory: string): Promise<string> {
  const { dev, ino } = await stat(directory);
  const name = `sedge-journal-${dev}-${ino}`;
  return abstract ? `\0${name}` : join(tmpdir(), `${name}.sock`);
}

/** Whether some process holds the journal; only asks, and so never stands in the way of one that starts. */
export async function isLocked(directory: string): Promise<boolean> {
  try {
    return await answers(await socketPath(directory));
  } catch {
    return false;
  }
}

export async function lockDirectory(directory: string): Promise<{ release(): Promise<void> }> {
  const path = await socketPath(directory);
  let server = await listen(path);
  if (!server && !abstract && !(await answers(path))) {
    await unlink(path).catch(() => {});
    server = await listen(path);
  }
  if (!server) {
    const message = `Another process holds the journal in ${directory}: stop it, or set another journal.directory.`;
    throw new SedgeError('journal.locked', message);
  }
  const held = server;
  return { release: () => new Promise((resolve) => held.close(() => resolve())) };
}

/** Undefined if the name is taken. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => resolve(server.unref()));
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
