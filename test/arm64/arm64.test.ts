/**
 * The package for arm64 in a Debian for arm64, under emulation: apt installs it, its addons load in Debian's Node, it checks a
 * configuration, samples simulated chips, keeps and delivers, and stops cleanly. What is not here: a kernel with buses, and systemd.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasMosquitto, type Mosquitto, NO_MOSQUITTO, startMosquitto } from '../mosquitto.ts';
import { startSedge, until } from '../sedge-process.ts';
import { type EmulatedRoot, makeRoot, unavailable } from './root.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const reason = unavailable() ?? (hasMosquitto ? undefined : NO_MOSQUITTO);
const config = (url: string) => `version: 1
device: emulated
sensors:
  air: { driver: bme280, every: 1s }
  lamp: { driver: bh1750, every: 1s }
  board: { driver: host, every: 2s }
uplinks:
  cloud: { type: mqtt, url: "${url}", batch: { max_wait: 1s } }
`;

describe.skipIf(reason !== undefined)(`on arm64${reason === undefined ? '' : ` (${reason})`}`, () => {
  let root: EmulatedRoot;
  let broker: Mosquitto;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sedge-arm64-deb-'));
    const args = ['scripts/package-deb.mjs', '--arch', 'arm64', '--node', '20', '--out', directory];
    const file = execFileSync('node', args, { cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    broker = await startMosquitto();
    root = makeRoot();
    copyFileSync(file.trim(), join(root.directory, 'tmp/sedge.deb'));
  });
  afterAll(async () => {
    root?.close();
    await broker?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  it('apt installs it, with a user, a first configuration and a unit that starts at boot', () => {
    expect(root.run('dpkg --print-architecture').trim()).toBe('arm64');
    root.run('apt-get install -y --no-install-recommends /tmp/sedge.deb', 280_000);
    expect(root.run('id -un sedge; sedge check')).toMatch(
      /^sedge\n\/etc\/sedge\/sedge\.yaml: valid: 1 sensor, 0 uplinks/,
    );
    expect(root.run('readlink /etc/systemd/system/multi-user.target.wants/sedge.service')).toContain('sedge.service');
  });

  it('its addons load in the Node of that system', () => {
    const script = `const { openSync } = require('i2c-bus'), { Gpio } = require('onoff'), { Epoll } = require('epoll')
      console.log(process.arch, [openSync, Gpio, Epoll].every((one) => typeof one === 'function'))`;
    expect(root.run(`cd /usr/lib/sedge && node -e "${script}"`)).toBe('arm64 true\n');
  });

  it('samples, keeps, delivers, and stops cleanly', async () => {
    writeFileSync(join(root.directory, 'etc/sedge/sedge.yaml'), config(broker.url));
    root.run('sedge check');
    const receiver = startSedge(['receive', '--url', broker.url, '--out', join(directory, 'out.jsonl')]);
    // As the unit does: its user, its directory.
    const [chroot, ...rest] = root.enter;
    const command = ['--userspec=sedge:sedge', ...rest, 'STATE_DIRECTORY=/var/lib/sedge', 'sedge', 'run', '--simulate'];
    const service = spawn(chroot, command, { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(service, 'exit');
    let log = '';
    service.stderr.on('data', (bytes) => {
      log += bytes;
    });
    try {
      await until('it has started', () => log.includes('service.started'), 120_000);
      await until('it is connected', () => log.includes('uplink.online'), 120_000);
      await until(
        'readings are acknowledged',
        () => {
          const { last, pending } = JSON.parse(root.run('sedge journal --json')) as {
            last: number | null;
            pending: { cloud: number };
          };
          return (last ?? 0) >= 10 && pending.cloud < (last ?? 0);
        },
        120_000,
      );
      service.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
      await until('they have arrived', () => existsSync(join(directory, 'out.jsonl')));
      expect(log).not.toMatch(/^error:/m);
    } finally {
      service.kill('SIGKILL');
      receiver.kill('SIGTERM');
      await receiver.ended;
    }
    expect(receiver.stderr()).toMatch(/air.*temperature/);
  });

  it('apt purges it', () => {
    root.run('apt-get purge -y sedge', 280_000);
    expect(root.run('ls -d /usr/lib/sedge /etc/sedge /var/lib/sedge /usr/bin/sedge 2>/dev/null || true')).toBe('');
  });
});
