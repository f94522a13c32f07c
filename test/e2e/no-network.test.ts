/**
 * A boot without any network: no address, not even on loopback, and no name server. The program starts, samples and accepts; once
 * the network, the broker and its name are there, everything arrives. In a network namespace of its own, so the kernel's and the
 * resolver's real answers; on a real boot: test/board/full/network.test.ts.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasMosquitto, NO_MOSQUITTO } from '../mosquitto.ts';
import { SEDGE, sedge, until } from '../sedge-process.ts';

const canIsolate = hasMosquitto && spawnSync('unshare', ['--net', '--mount', 'true']).status === 0;
const reason = !hasMosquitto ? NO_MOSQUITTO : canIsolate ? undefined : 'needs root and unshare: runs in CI';
/** What the namespace takes for /etc/hosts and /etc/resolv.conf. */
const ISOLATED = `mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"`;

/** The broker's, which nobody has at first. */
const ADDRESS = '10.99.0.1';

interface Record {
  readonly seq?: number;
}

describe.skipIf(reason !== undefined)(`without a network${reason === undefined ? '' : ` (${reason})`}`, () => {
  let directory: string;
  let children: ChildProcess[];
  let log: string;
  const at = (name: string) => join(directory, name);
  const begin = (program: string, args: readonly string[]): ChildProcess => {
    const env = { PATH: process.env.PATH, HOME: directory, XDG_RUNTIME_DIR: directory, NO_COLOR: '1' };
    const child = spawn(program, args, { cwd: directory, env, stdio: ['ignore', 'ignore', 'pipe'] });
    children.push(child);
    child.stderr!.on('data', (bytes) => {
      log += bytes;
    });
    return child;
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sedge-no-network-'));
    children = [];
    log = '';
    writeFileSync(at('hosts'), '127.0.0.1 localhost\n');
    // RFC 5737: an address of documentation.
    writeFileSync(at('resolv.conf'), 'nameserver 192.0.2.1\noptions timeout:1 attempts:1\n');
    writeFileSync(at('mosquitto.conf'), 'user root\nlistener 1883\nallow_anonymous true\nlog_type subscribe\n');
    writeFileSync(
      at('sedge.yaml'),
      `version: 1
device: hut
sensors: { value: { driver: mock, every: 200ms } }
journal: { directory: ${at('journal')}, commit_every: 200ms }
uplinks:
  address: { type: mqtt, url: "mqtt://${ADDRESS}", batch: { max_wait: 200ms }, topics: { prefix: address } }
  name: { type: mqtt, url: "mqtt://broker", batch: { max_wait: 200ms }, topics: { prefix: name } }
`,
      { mode: 0o600 },
    );
  });
  afterEach(async () => {
    for (const child of children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(directory, { recursive: true, force: true });
  });
  const accepted = async (): Promise<number> => {
    const { stdout } = await sedge(['journal', '--json', '--config', at('sedge.yaml')], { cwd: directory });
    return (JSON.parse(stdout) as { last: number | null }).last ?? 0;
  };
  const records = (name: string): readonly Record[] =>
    existsSync(at(name))
      ? readFileSync(at(name), 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as Record)
      : [];

  it('starts, samples and accepts; delivers everything once the network is there', async () => {
    const run = [process.execPath, SEDGE, 'run', '--simulate', '--config', at('sedge.yaml')];
    const service = begin('unshare', ['--net', '--mount', 'sh', '-c', ISOLATED, directory, ...run]);
    await until('the service has started', () => log.includes('service.started'));
    await until('both uplinks say what is wrong', () => (log.match(/uplink\.offline/g) ?? []).length >= 2);
    expect(log).toMatch(/uplink\.offline uplink=address .*the network is not reachable: check the network/);
    expect(log).toMatch(/uplink\.offline uplink=name .*the name server does not answer: check the network/);
    let waiting = 0;
    await until('readings are accepted', async () => {
      waiting = await accepted();
      return waiting >= 10;
    });

    const inside = (...command: readonly string[]) =>
      ['--target', String(service.pid), '--net', '--mount', '--', ...command] as const;
    expect(spawnSync('nsenter', inside('ip', 'link', 'set', 'lo', 'up')).status).toBe(0);
    begin('nsenter', inside('mosquitto', '-c', at('mosquitto.conf')));
    for (const prefix of ['address', 'name'])
      begin(
        'nsenter',
        inside(
          process.execPath,
          SEDGE,
          'receive',
          '--url',
          'mqtt://127.0.0.1',
          '--topic',
          `${prefix}/+/readings`,
          '--out',
          at(`${prefix}.jsonl`),
        ),
      );
    await until(
      'the receivers have subscribed',
      () => (log.match(/\d (address|name)\/\+\/readings/g) ?? []).length >= 2,
    );
    expect(records('address.jsonl')).toEqual([]);
    expect(spawnSync('nsenter', inside('ip', 'address', 'add', `${ADDRESS}/32`, 'dev', 'lo')).status).toBe(0);
    // In place: a bind mount shows the file that was there.
    appendFileSync(at('hosts'), `${ADDRESS} broker\n`);
    for (const prefix of ['address', 'name']) {
      await until(
        `everything came by ${prefix}`,
        () => records(`${prefix}.jsonl`).some(({ seq }) => (seq ?? 0) >= waiting),
        40_000,
      );
      const numbers = records(`${prefix}.jsonl`).map(({ seq }) => seq);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }
    const ended = once(service, 'exit');
    service.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  }, 120_000);
});
