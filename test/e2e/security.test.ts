/** What SECURITY.md promises of the running program, seen from outside: what listens, what may be read, and what is never told. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SedgeProcess, sedge, startSedge, until } from '../sedge-process.ts';

const PASSWORD = 'canary-in-a-file';
const IN_CONFIGURATION = 'canary-in-yaml';
const IN_URL = 'canary-in-url';
const IN_ENVIRONMENT = 'canary-in-env';
const READING = 4711.125;

let directory: string;
let env: NodeJS.ProcessEnv;
let running: SedgeProcess[];
let servers: Server[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-security-'));
  env = { XDG_RUNTIME_DIR: directory, TMPDIR: directory, HOME: directory, SECRET: IN_ENVIRONMENT };
  running = [];
  servers = [];
});
afterEach(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});

const configure = (uplinks: string) =>
  writeFileSync(
    join(directory, 'sedge.yaml'),
    `version: 1
device: greenhouse-1
sensors:
  value: { driver: mock, every: 200ms, options: { wave: constant, value: ${READING}, min: 0, max: 10000 } }
  gone: { driver: bh1750, every: 500ms }
journal: { directory: ${join(directory, 'journal')}, commit_every: 100ms }
simulation: { faults: { gone: [ { kind: nack, rate: 1 } ] } }
uplinks:
${uplinks}`,
    { mode: 0o600 },
  );
const start = (...args: readonly string[]): SedgeProcess => {
  const process = startSedge(args, { cwd: directory, env });
  running.push(process);
  return process;
};
const run = (...more: readonly string[]) => start('run', '--simulate', '--log-level', 'debug', ...more);
const logged = (process: SedgeProcess, text: string) =>
  until(`the log says ${text}`, () => process.stderr().includes(text));

/** Sockets of a process in state LISTEN (0A in /proc/net/tcp). */
function listening(pid: number): readonly string[] {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((row) => row.trim().split(/\s+/))
      .filter((words) => own.has(words[9]!) && (name.startsWith('udp') || words[3] === '0A'))
      .map((words) => `${name} ${words[1]}`),
  );
}

const isLinux = process.platform === 'linux';

describe('the running service', () => {
  it.skipIf(!isLinux)(`listens on no network socket${isLinux ? '' : ' (needs /proc: runs on Linux)'}`, async () => {
    configure('  cloud: { type: mqtt, url: "mqtt://127.0.0.1:1" }\n');
    const service = run();
    await logged(service, 'service.started');
    await logged(service, 'uplink.offline');
    expect(listening(service.child.pid!)).toEqual([]);
  });

  it('keeps its journal and its socket from everybody else, whatever the umask', async () => {
    configure('  cloud: { type: mqtt, url: "mqtt://127.0.0.1:1" }\n');
    const before = process.umask(0);
    const service = run();
    process.umask(before);
    await logged(service, 'service.started');
    const journal = join(directory, 'journal');
    await until('something is kept', () => readdirSync(journal).some((name) => name.endsWith('.segment')));
    expect(lstatSync(journal).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(journal)) expect(lstatSync(join(journal, name)).mode & 0o077, name).toBe(0);
    for (const name of readdirSync(join(directory, 'sedge')))
      expect(lstatSync(join(directory, 'sedge', name)).mode & 0o077, name).toBe(0);
  });

  it('tells no secret and logs no reading, in any output of any command, nor in its arguments', async () => {
    const file = join(directory, 'password');
    writeFileSync(file, `${PASSWORD}\n`, { mode: 0o600 });
    configure(`  a: { type: mqtt, url: "mqtt://127.0.0.1:1", username: u, password_file: ${file} }
  b: { type: mqtt, url: "mqtt://127.0.0.1:1", username: u, password: ${IN_CONFIGURATION} }
  c: { type: mqtt, url: "mqtt://user:${IN_URL}@127.0.0.1:1" }
  d: { type: mqtt, url: "mqtt://127.0.0.1:1", username: u, password: "\${SECRET}" }
`);
    const service = run();
    await logged(service, 'sensor.offline');
    await until('every uplink has failed', () => (service.stderr().match(/uplink\.offline/g) ?? []).length >= 4);
    const asked = await Promise.all(
      (
        [
          ['status', '--json'],
          ['status'],
          ['journal', '--json'],
          ['check'],
          ['doctor', '--json'],
          ['read', 'gone', '--simulate'],
        ] as const
      ).map((args) => sedge(args, { cwd: directory, env })),
    );
    const values = asked[0]!.stdout;
    const argv = isLinux ? readFileSync(`/proc/${service.child.pid}/cmdline`, 'utf8') : '';
    service.kill('SIGTERM');
    expect(await service.ended).toBe(0);
    const told = [argv, service.stderr(), service.stdout(), ...asked.flatMap(({ stdout, stderr }) => [stdout, stderr])];
    expect(told.join('\n').match(/canary[a-z-]*/g)).toBeNull();
    expect(values).toContain(String(READING));
    expect(service.stderr() + service.stdout()).not.toContain(String(READING));
    expect(service.stderr()).toContain('sensor.online sensor=value');
  });

  const isRoot = process.getuid?.() === 0;
  it.skipIf(!isRoot)(`warns when it runs as root by hand${isRoot ? '' : ' (needs root: runs in CI)'}`, async () => {
    configure('  cloud: { type: mqtt, url: "mqtt://127.0.0.1:1" }\n');
    const service = start('run');
    await logged(service, 'service.started');
    expect(service.stderr()).toMatch(/^warn: service\.root message="runs as root .*sedge service install/m);
  });

  it('says no secret of a wrong configuration either', async () => {
    configure(
      `  a: { type: mqtt, url: "mqtt://user:${IN_URL}@:bad", password: ${IN_CONFIGURATION}, pasword: ${PASSWORD} }\n`,
    );
    const { status, stdout, stderr } = await sedge(['check'], { cwd: directory, env });
    expect(status).toBe(78);
    expect(stdout + stderr).not.toContain('canary');
  });

  it('warns of a secret that others may read', async () => {
    const file = join(directory, 'password');
    writeFileSync(file, PASSWORD);
    chmodSync(file, 0o644);
    configure(`  a: { type: mqtt, url: "mqtts://127.0.0.1:1", username: u, password_file: ${file} }\n`);
    const { stderr } = await sedge(['check'], { cwd: directory, env });
    expect(stderr).toContain('chmod 600');
  });

  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  it.skipIf(!hasOpenssl)(
    `sends nothing to a broker that it cannot trust, whatever NODE_TLS_REJECT_UNAUTHORIZED says${hasOpenssl ? '' : ' (openssl is missing: runs in CI)'}`,
    async () => {
      const at = (name: string) => join(directory, name);
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:P-256',
          '-nodes',
          '-keyout',
          at('key'),
          '-out',
          at('cert'),
          '-days',
          '2',
          '-subj',
          '/CN=localhost',
        ],
        { stdio: 'pipe' },
      );
      let receivedBytes = 0;
      let connections = 0;
      const server = createTlsServer({ key: readFileSync(at('key')), cert: readFileSync(at('cert')) }, (socket) => {
        socket.on('data', (bytes) => {
          receivedBytes += bytes.length;
        });
      });
      server.on('connection', () => {
        connections += 1;
      });
      server.on('tlsClientError', () => {});
      servers.push(server);
      const port = await new Promise<number>((resolve) =>
        server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
      );
      configure(`  a: { type: mqtt, url: "mqtts://localhost:${port}", username: u, password: ${IN_CONFIGURATION} }\n`);
      env = { ...env, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
      const service = run();
      await logged(service, 'code=uplink.tls');
      expect(connections).toBeGreaterThan(0);
      expect(receivedBytes).toBe(0);
    },
  );

  it('subscribes to nothing', async () => {
    const packets: number[] = [];
    const server = createTcpServer((socket) => {
      socket.on('data', (bytes) => {
        // MQTT 5 section 2.1.2: the type is in the upper half of a packet's first byte. Only the first of each segment is looked at,
        // and CONNECT is the only one before CONNACK.
        packets.push(bytes[0]! >> 4);
        if (bytes[0]! >> 4 === 1) socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
      });
      socket.on('error', () => {});
    });
    servers.push(server);
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    configure(`  a: { type: mqtt, url: "mqtt://127.0.0.1:${port}" }\n`);
    run();
    await until('it has published', () => packets.includes(3));
    expect(packets).toContain(1);
    expect(packets).not.toContain(8);
  });
});

it('SECURITY.md says where to report, what is supported, and what is not covered', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'SECURITY.md'), 'utf8');
  for (const words of ['Report a vulnerability', 'supported', 'Not covered', 'not encrypted'])
    expect(text).toContain(words);
  // A test that it names is there.
  const names = [...text.matchAll(/`(test\/[\w/-]+\.test\.ts)`/g)].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(10);
  for (const name of names) lstatSync(join(import.meta.dirname, '..', '..', name));
});
