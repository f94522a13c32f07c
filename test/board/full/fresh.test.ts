/**
 * From a fresh image to readings at a broker, in both ways that the README names. The three lines for the package are taken from the
 * README as they are; of those for a clone the last (the others, that fetch Node and build, are done on the host: the board has no
 * way out). The board has no sudo, no raspi-config and the broker of the README's address: they are put there.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attempt, eventually, fresh, guest, put, SHARE, UP_TIMEOUT_MS, unavailable } from '../rig.ts';
import { SEDGE } from '../station.ts';

const reason = unavailable();
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CONFIG = '/etc/sedge/sedge.yaml';
const UPLINK = 'uplinks: { cloud: { type: mqtt, url: "mqtt://127.0.0.1:1883", batch: { max_wait: 1s } } }';
/** Debian 13 has Node 20.19 as a package; here it is the host's, and this names it. */
const NODE_PACKAGE = `mkdir -p /tmp/nodejs/DEBIAN /tmp/nodejs/usr/bin && ln -sf /usr/local/bin/node /tmp/nodejs/usr/bin/node
  printf 'Package: nodejs\\nVersion: 20.19.2\\nArchitecture: amd64\\nMaintainer: rig\\nDescription: the node of the rig\\n' > /tmp/nodejs/DEBIAN/control
  dpkg-deb -b /tmp/nodejs /tmp/nodejs.deb && dpkg -i /tmp/nodejs.deb`;

const README = readFileSync(`${ROOT}README.md`, 'utf8');
/** The lines for the package, for the processor of the board. */
const LINES = (/with the package beside you:\n\n((?: {4}.+\n){3})\n/.exec(README)?.[1] ?? '')
  .replaceAll('_arm64.deb', '_amd64.deb')
  .trim()
  .split(/\n +/);
/** The board is root's, and its bus is on; apt looks for packages where there is no way to. */
const SURROUNDINGS = `printf '#!/bin/sh\\nexec "$@"\\n' > /usr/local/bin/sudo
  printf '#!/bin/sh\\necho "$@" > /run/raspi-config\\n' > /usr/local/bin/raspi-config
  chmod 755 /usr/local/bin/sudo /usr/local/bin/raspi-config
  ip address add 192.168.1.10/32 dev lo`;
const BROKER = 'listener 1883\nallow_anonymous true\n';

/** The configuration that was made of what is on the bus, an uplink added to it, and then: readings. */
async function expectReadings(): Promise<void> {
  const text = await guest(`cat ${CONFIG}`);
  // What an id register names is in it; what is only likely is a comment.
  for (const driver of ['bme280', 'sht4x', 'sht3x', 'adxl345'])
    expect(text).toMatch(new RegExp(`^ +\\w+: .*${driver}`, 'm'));
  await guest(`systemctl start mosquitto
    sed -i 's/every: [0-9]*[sm]/every: 2s/' ${CONFIG}
    echo '${UPLINK}' >> ${CONFIG}
    sedge check && systemctl reload sedge`);
  const seen = new Set<string>();
  await eventually('readings of every chip are at the broker', 180, async () => {
    const { stdout } = await attempt("mosquitto_sub -q 1 -t 'sedge/+/readings' -C 3 -W 30");
    for (const line of stdout.split('\n').filter(Boolean)) {
      const { readings } = JSON.parse(line) as { readings: { sensor: string }[] };
      for (const { sensor } of readings) seen.add(sensor);
    }
    return seen.size >= 5 ? true : undefined;
  });
  expect(await guest('systemctl show sedge -p ActiveState,NRestarts,UnitFileState')).toMatch(/ActiveState=active/);
  expect((await attempt('sedge doctor --json')).status).toBe(0);
}

describe.skipIf(reason !== undefined)(`a fresh image${reason === undefined ? '' : ` (${reason})`}`, () => {
  afterAll(async () => {
    // The next file gets a fresh image as well.
    if (reason === undefined) await fresh();
  }, UP_TIMEOUT_MS);

  describe('with the package', () => {
    beforeAll(async () => {
      const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'package:deb', '--', '--arch', 'amd64'], {
        cwd: ROOT,
      });
      await fresh();
      const file = stdout.trim().split('\n').at(-1)!;
      copyFileSync(file, `${SHARE}/${basename(file)}`);
      await guest(`${NODE_PACKAGE}\n${SURROUNDINGS}`);
      await put('/etc/mosquitto/conf.d/fresh.conf', BROKER);
      await guest(`systemctl start mosquitto
        systemd-run --quiet --unit=everything sh -c 'mosquitto_sub -q 1 -t sedge/+/readings > /run/everything'`);
    }, UP_TIMEOUT_MS);

    it('the three lines of the README: the service runs, is enabled, and every chip has a reading at the broker', async () => {
      expect(LINES).toHaveLength(3);
      const told: string[] = [];
      for (const line of LINES) told.push(await guest(`cd /rig\n${line}`, 300));
      expect(await guest('cat /run/raspi-config')).toBe('nonint do_i2c 0\n');
      // The last line ends with what the station does.
      for (const word of ['bme280', 'board', 'cloud']) expect(told[2]).toContain(word);
      expect((await guest('systemctl is-active sedge; systemctl is-enabled sedge')).trim()).toBe('active\nenabled');
      const sensors = await eventually('readings of every chip are at the broker', 180, async () => {
        const batches = (await guest('cat /run/everything')).split('\n').slice(0, -1);
        const readings = batches.flatMap((row) => (JSON.parse(row) as { readings: { sensor: string }[] }).readings);
        const seen = new Set(readings.map(({ sensor }) => sensor));
        return seen.size >= 5 ? [...seen] : undefined;
      });
      expect(sensors).toContain('board');
      expect((await attempt('sedge doctor --json')).status).toBe(0);
    }, 900_000);

    it('apt install again (an upgrade): the configuration and what waits stay', async () => {
      const before = await guest(`cat ${CONFIG}`);
      await guest('apt-get install -y --reinstall --no-install-recommends /rig/sedge_*.deb', 300);
      expect(await guest(`cat ${CONFIG}`)).toBe(before);
      await eventually('the service is active', 120, async () =>
        (await guest('systemctl is-active sedge || true')).trim() === 'active' ? true : undefined,
      );
    }, 600_000);

    it('apt purge: nothing runs, nothing stays but what was measured', async () => {
      await guest('apt-get purge -y sedge', 300);
      expect((await attempt('systemctl is-active sedge')).status).not.toBe(0);
      expect((await attempt('command -v sedge')).status).not.toBe(0);
      expect((await guest('systemctl --failed --no-legend')).trim()).toBe('');
    }, 600_000);
  });

  describe('from a clone', () => {
    beforeAll(fresh, UP_TIMEOUT_MS);

    it('sudo node dist/sedge.mjs service install: readings at a broker', async () => {
      const told = await guest(`cd /repo && ${SEDGE.replace('/repo/', '')} service install`, 300);
      expect(told).not.toBe('');
      await expectReadings();
    }, 900_000);
  });
});
