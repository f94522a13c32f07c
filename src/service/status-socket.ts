/**
 * The service's end of `sedge status`: a Unix socket that answers one question and can change nothing.
 *
 * A request is one line of JSON, `{"get":"status"}`; the answer is one line, then the connection is closed. Requests, their
 * number at once and their time are bounded. What a killed process left behind is replaced; a socket at which somebody
 * answers, or anything that is no socket, is never touched. Without a socket the service runs as well: that is a warning.
 */
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { messageOf, SedgeError } from '../errors.ts';
import type { Log } from './log.ts';
import type { StatusPlace } from './status-place.ts';

const MAX_REQUEST_BYTES = 1_024;
const MAX_CONNECTIONS = 8;
/** From connecting to the end of the answer. */
const CONNECTION_MS = 5_000;
/** How long a socket that is there may take to show that somebody listens. */
const PROBE_MS = 1_000;

export interface StatusSocketOptions {
  readonly place: StatusPlace;
  readonly clock: Clock;
  readonly log: Log;
  /** This process's user, to whom a private directory must belong; undefined on systems without user ids. */
  readonly uid: number | undefined;
  /** The report, as an object for JSON. */
  readonly report: () => Promise<object>;
}

export interface StatusSocket {
  /** Stops answering and removes the socket. Idempotent. */
  close(): Promise<void>;
}

/** Never rejects: without a socket it warns, and there is nothing to close. */
export async function openStatusSocket(options: StatusSocketOptions): Promise<StatusSocket> {
  const { place, clock, log } = options;
  let server: Server | undefined;
  const open = new Set<Socket>();
  try {
    await makeDirectory(place, options.uid);
    await clearSocket(place.socket, clock);
    server = createServer((socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      serve(socket, options);
    });
    server.maxConnections = MAX_CONNECTIONS;
    await listen(server, place.socket);
    server.on('error', (error) => log.warn('status.failed', { message: messageOf(error) }));
    // Until here the socket has what the umask left of it, in a directory that is the user's or systemd's.
    await chmod(place.socket, place.socketMode);
  } catch (error) {
    server?.close();
    server = undefined;
    log.warn('status.unavailable', { message: `sedge status will not find this service: ${messageOf(error)}` });
  }
  let closed: Promise<void> | undefined;
  return {
    close() {
      closed ??= new Promise((done) => {
        for (const socket of open) socket.destroy();
        // libuv removes the socket's file when the server closes.
        if (server) server.close(() => done());
        else done();
      });
      return closed;
    },
  };
}

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(path, () => {
      server.off('error', failed);
      done();
    });
  });

/** Makes the place's directory, or sees that it is safe to write into. */
export async function makeDirectory({ directory, isPrivate }: StatusPlace, uid: number | undefined): Promise<void> {
  if (isPrivate) {
    await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    // In a directory for all (/tmp) somebody else may have been first.
    const found = await lstat(directory);
    if (!found.isDirectory() || (uid !== undefined && (found.uid !== uid || (found.mode & 0o077) !== 0))) {
      const message = `${directory} is not a directory of this user alone: remove it, or set XDG_RUNTIME_DIR`;
      throw new SedgeError('status.place', message);
    }
  }
}

/** Nothing is in the socket's way. */
async function clearSocket(socket: string, clock: Clock): Promise<void> {
  const found = await lstat(socket).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) throw new SedgeError('status.place', `${socket} is there and is no socket: remove it`);
  if (await answers(socket, clock)) throw new SedgeError('status.place', `another process answers at ${socket}`);
  await unlink(socket);
}

/** True when somebody listens. A socket that a killed process left refuses at once (connect(2), ECONNREFUSED). */
function answers(path: string, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const cancel = clock.after(PROBE_MS, () => end(true));
    const end = (isLive: boolean) => {
      cancel();
      socket.destroy();
      resolve(isLive);
    };
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

function serve(socket: Socket, { clock, log, report }: StatusSocketOptions): void {
  const cancel = clock.after(CONNECTION_MS, () => socket.destroy());
  let text = '';
  let isAnswered = false;
  socket.setEncoding('utf8');
  // A client that goes away early is no news.
  socket.on('error', () => {});
  socket.once('close', cancel);
  const answer = (reply: object) => {
    isAnswered = true;
    socket.end(`${JSON.stringify(reply)}\n`);
  };
  socket.on('data', (piece: string) => {
    if (isAnswered) return;
    text += piece;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= MAX_REQUEST_BYTES) return;
    if (end < 0 || end > MAX_REQUEST_BYTES) answer({ error: `a request has at most ${MAX_REQUEST_BYTES} bytes` });
    else if (!asksForStatus(text.slice(0, end))) answer({ error: 'the only request is {"get":"status"}' });
    else {
      isAnswered = true;
      report().then(answer, (error) => {
        log.warn('status.failed', { message: messageOf(error) });
        answer({ error: messageOf(error) });
      });
    }
  });
}

function asksForStatus(line: string): boolean {
  try {
    return (JSON.parse(line) as { get?: unknown } | null)?.get === 'status';
  } catch {
    return false;
  }
}
