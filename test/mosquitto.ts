/**
 * Debian's Mosquitto on a free loopback port, with persistence and long queues, for tests against a real broker.
 * Where it is not installed those tests are skipped with `NO_MOSQUITTO` in their name.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BINARY = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto'].find(existsSync);
if (process.env.CI === 'true' && !BINARY) throw new Error('CI skips nothing that needs Mosquitto: install it there');
export const hasMosquitto = BINARY !== undefined;
export const NO_MOSQUITTO = 'mosquitto is not installed; runs in CI';

export interface Mosquitto {
  readonly port: number;
  readonly url: string;
  /** Of the process that runs now. */
  pid(): number;
  /** SIGTERM, so that it saves what it holds. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** On the same port, with what it saved. */
  start(): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

export interface MosquittoOptions {
  /** More lines of its configuration; `%d` is its directory. */
  readonly lines?: readonly string[];
  /** Files to put into its directory. */
  readonly files?: Readonly<Record<string, string>>;
  readonly scheme?: 'mqtt' | 'mqtts';
}

export async function startMosquitto({
  lines = [],
  files = {},
  scheme = 'mqtt',
}: MosquittoOptions = {}): Promise<Mosquitto> {
  const directory = await mkdtemp(join(tmpdir(), 'sedge-mosquitto-'));
  const port = await freePort();
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  await writeFile(
    join(directory, 'mosquitto.conf'),
    [
      // As root it would change to a user that cannot read the directory.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      `listener ${port} 127.0.0.1`,
      'persistence true',
      `persistence_location ${directory}/`,
      // Not 0, unlimited: Mosquitto 2.0.11 then drops the connection instead of refusing a publish.
      'max_queued_messages 1000000',
      ...(lines.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']),
      ...lines.map((line) => line.replaceAll('%d', directory)),
      '',
    ].join('\n'),
  );
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null) return;
    const exited = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    await exited;
  };
  const start = async () => {
    child = spawn(BINARY ?? 'mosquitto', ['-c', join(directory, 'mosquitto.conf')], { stdio: 'ignore' });
    await untilListening(port, child);
  };
  await start();
  return {
    port,
    url: `${scheme}://${scheme === 'mqtts' ? 'localhost' : '127.0.0.1'}:${port}`,
    pid: () => child?.pid ?? 0,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    start,
    async close() {
      await end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`);
    const listens = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (listens) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('mosquitto does not listen');
}
