/**
 * Debian's InfluxDB 1.6 on free loopback ports, for tests against a database that nobody here wrote. Where it is not
 * installed those tests are skipped with `NO_INFLUXDB` in their name.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BINARY = ['/usr/bin/influxd', '/usr/local/bin/influxd'].find(existsSync);
if (process.env.CI === 'true' && !BINARY) throw new Error('CI skips nothing that needs InfluxDB: install it there');
export const hasInfluxdb = BINARY !== undefined;
export const NO_INFLUXDB = 'influxdb is not installed; runs in CI';

const READY_WITHIN_MS = 30_000;

export interface Influxd {
  readonly port: number;
  /** Rows of an InfluxQL query, by column; the series' tags are columns too. */
  query(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

interface Series {
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

/** With an empty database `garden`; `auth` wants the user `admin` with the password `secret`. */
export async function startInfluxd({ auth = false } = {}): Promise<Influxd> {
  const directory = await mkdtemp(join(tmpdir(), 'sedge-influxd-'));
  const [port, backupPort] = [await freePort(), await freePort()];
  await writeFile(
    join(directory, 'influxdb.conf'),
    [
      'reporting-disabled = true',
      `bind-address = "127.0.0.1:${backupPort}"`,
      `[meta]\ndir = "${directory}/meta"`,
      `[data]\ndir = "${directory}/data"\nwal-dir = "${directory}/wal"`,
      `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = false\nauth-enabled = ${auth}`,
      '[monitor]\nstore-enabled = false',
      '',
    ].join('\n'),
  );
  const child: ChildProcess = spawn(BINARY ?? 'influxd', ['-config', join(directory, 'influxdb.conf')], {
    stdio: 'ignore',
    env: { ...process.env, GOMAXPROCS: '1' },
  });
  const base = `http://127.0.0.1:${port}`;
  const headers = { Authorization: `Basic ${Buffer.from('admin:secret').toString('base64')}` };
  const ask = async (text: string, method = 'POST') => {
    const query = new URLSearchParams({ db: 'garden', epoch: 'ns', q: text });
    const answer = await fetch(`${base}/query?${query}`, { method, headers });
    // Nanoseconds are beyond what a number of JSON holds in JavaScript.
    const body = (await answer.text()).replaceAll(/(?<=[[,])(-?\d{16,})(?=[,\]])/g, '"$1"');
    return JSON.parse(body) as { results: { series?: Series[]; error?: string }[]; error?: string };
  };
  await untilReady(base, child);
  await ask(`CREATE USER admin WITH PASSWORD 'secret' WITH ALL PRIVILEGES`);
  await ask('CREATE DATABASE garden');
  return {
    port,
    async query(text) {
      const { results, error } = await ask(text, 'GET');
      const failed = error ?? results[0]?.error;
      if (failed) throw new Error(failed);
      return (results[0]?.series ?? []).flatMap(({ tags, columns, values }) =>
        values.map((row) => ({ ...tags, ...Object.fromEntries(columns.map((column, at) => [column, row[at]])) })),
      );
    },
    async close() {
      if (child.exitCode === null) {
        const exited = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await exited;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function untilReady(base: string, child: ChildProcess): Promise<void> {
  for (const endMs = Date.now() + READY_WITHIN_MS; Date.now() < endMs; ) {
    if (child.exitCode !== null) throw new Error(`influxd ended with ${child.exitCode}`);
    const ready = await fetch(`${base}/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('influxd does not listen');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
