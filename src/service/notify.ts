/**
 * Talking to systemd (sd_notify(3)): ready, status, reloading, stopping, watchdog. Off when NOTIFY_SOCKET is not set.
 *
 * Node has no datagram socket of the Unix kind, so there are two ways, the first that is there: the optional package
 * node-unix-socket, and the program `systemd-notify`. The second costs a process per message and needs
 * NotifyAccess=all in the unit; it also serves abstract sockets (`@...`), which the package takes for file names.
 *
 * Once open, no message ever fails the caller: measuring is worth more than telling systemd of it. Messages go in order.
 */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { messageOf, SedgeError } from '../errors.ts';
import type { Log } from './log.ts';
import { watchdog } from './watchdog.ts';

export interface Notifier {
  /** False when nobody listens: every message is then a no-op. */
  readonly active: boolean;
  /** How long systemd waits for a sign of life; undefined without a watchdog. */
  readonly watchdogMs: number | undefined;
  /** Start-up, or a reload, is complete. */
  ready(status?: string): Promise<void>;
  /** One line for `systemctl status`. */
  status(text: string): Promise<void>;
  /** A reload has begun; `ready` ends it. */
  reloading(): Promise<void>;
  stopping(status?: string): Promise<void>;
  /** Reports at half the watchdog's period as long as `progress` says that things move on; see watchdog.ts. */
  startWatchdog(clock: Clock, progress: () => boolean, signal: AbortSignal): void;
  /** Asks for `ms` more before a start or stop counts as hung. */
  extendTimeout(ms: number): Promise<void>;
  /** Sends what is left. An open socket keeps the process alive. Idempotent. */
  close(): Promise<void>;
}

export interface NotifierOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly clock?: Clock;
  readonly pid?: number;
  /** The optional package; tests give a missing one. */
  readonly loadSockets?: () => Promise<SocketPackage>;
}

/** The part of node-unix-socket that is used. */
interface SocketPackage {
  DgramSocket: new () => DatagramSocket;
}
interface DatagramSocket {
  sendTo(bytes: Buffer, offset: number, length: number, path: string, done: (error?: Error) => void): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): void;
}

/** A way to systemd. */
interface Channel {
  send(message: string): Promise<void>;
  close(): void;
}

/** Longest that one `systemd-notify` may take: it waits for systemd to have read the message. */
const SPAWN_TIMEOUT_MS = 5_000;
const USEC_PER_MS = 1_000;

export async function createNotifier(options: NotifierOptions): Promise<Notifier> {
  const { env, log, clock = systemClock, pid = process.pid } = options;
  const socketPath = env.NOTIFY_SOCKET;
  const watchdogMs = watchdogPeriodMs(env, pid);
  const channel = socketPath ? await openChannel(socketPath, options) : undefined;
  if (socketPath && !channel) {
    const sentence = `systemd cannot be told that the service runs: neither the package node-unix-socket loads nor is systemd-notify on the PATH; install one of them, or set Type=exec and WatchdogSec=0 in the unit`;
    // With a watchdog, going on in silence would end in a kill and a restart, for ever.
    if (watchdogMs !== undefined) throw new SedgeError('service.notify', sentence);
    log.warn('systemd.unreachable', { message: sentence });
  }

  let last: Promise<void> = Promise.resolve();
  let warned = false;
  const send = (...lines: readonly string[]): Promise<void> => {
    if (!channel) return Promise.resolve();
    last = last
      .then(() => channel.send(lines.join('\n')))
      .catch((error: unknown) => {
        if (!warned)
          log.warn('systemd.unreachable', { message: `systemd was not told ${lines[0]}: ${messageOf(error)}` });
        warned = true;
      });
    return last;
  };
  const statusLines = (text: string | undefined) => (text === undefined ? [] : [`STATUS=${oneLine(text)}`]);

  return {
    active: channel !== undefined,
    watchdogMs: channel ? watchdogMs : undefined,
    ready: (status) => send('READY=1', ...statusLines(status)),
    status: (text) => send(...statusLines(text)),
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${Math.round(clock.monotonic() * USEC_PER_MS)}`),
    stopping: (status) => send('STOPPING=1', ...statusLines(status)),
    startWatchdog(on, progress, signal) {
      if (!channel || watchdogMs === undefined) return;
      void watchdog({ periodMs: watchdogMs, clock: on, log, progress, signal, report: () => send('WATCHDOG=1') });
    },
    extendTimeout: (ms) => send(`EXTEND_TIMEOUT_USEC=${Math.round(ms * USEC_PER_MS)}`),
    async close() {
      await last;
      channel?.close();
    },
  };
}

/** sd_watchdog_enabled(3): the period is meant for us if WATCHDOG_PID is our process, or is not set. */
function watchdogPeriodMs(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  if (!env.NOTIFY_SOCKET || !env.WATCHDOG_USEC) return undefined;
  if (env.WATCHDOG_PID && Number(env.WATCHDOG_PID) !== pid) return undefined;
  const periodMs = Number(env.WATCHDOG_USEC) / USEC_PER_MS;
  return Number.isFinite(periodMs) && periodMs > 0 ? periodMs : undefined;
}

/** A line break would begin another assignment. */
const oneLine = (text: string): string => text.replaceAll(/\s*[\r\n]+\s*/g, ' ');

async function openChannel(path: string, options: NotifierOptions): Promise<Channel | undefined> {
  const load = options.loadSockets ?? (() => import('node-unix-socket') as Promise<SocketPackage>);
  if (!path.startsWith('@')) {
    const sockets = await load().catch(() => undefined);
    if (sockets) return datagramChannel(path, sockets, options.log);
  }
  const program = await findProgram('systemd-notify', options.env);
  return program === undefined ? undefined : spawnChannel(program, options.env);
}

function datagramChannel(path: string, { DgramSocket }: SocketPackage, log: Log): Channel {
  const socket = new DgramSocket();
  let open = true;
  socket.on('error', (error) => log.debug('systemd.socket', { message: error.message }));
  return {
    send(message) {
      const bytes = Buffer.from(message);
      return new Promise((resolve, reject) => {
        socket.sendTo(bytes, 0, bytes.length, path, (error) => (error ? reject(error) : resolve()));
      });
    },
    close() {
      if (open) socket.close();
      open = false;
    },
  };
}

function spawnChannel(program: string, env: NodeJS.ProcessEnv): Channel {
  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        execFile(program, message.split('\n'), { env, timeout: SPAWN_TIMEOUT_MS }, (error) =>
          error ? reject(error) : resolve(),
        );
      }),
    close() {},
  };
}

async function findProgram(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const directory of (env.PATH ?? '').split(delimiter)) {
    const candidate = join(directory, name);
    if (
      await access(candidate, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  }
  return undefined;
}
