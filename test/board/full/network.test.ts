/**
 * A boot without a network: the interface is down, nobody has an address, names are not resolved. The service starts, measures and
 * accepts; when the network comes, everything arrives at a broker outside. Then the same with chrony as the keeper of time, which
 * the program asks for from inside its sandbox. And the levels that journald gives the lines of all that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Mosquitto, startMosquitto } from '../../mosquitto.ts';
import { SEDGE } from '../../sedge-process.ts';
import { attempt, cut, eventually, guest, progress, put, start, UP_TIMEOUT_MS, unavailable, up } from '../rig.ts';
import { installService, journal, mountJournal, uninstall } from '../station.ts';
import { startTimeServer, type TimeServer } from './time-server.ts';

const reason = unavailable();
const DEVICE = 'hut';
const CONFIG_FILE = '/etc/sedge/sedge.yaml';
const UPLINKS = ['address', 'name'] as const;
const config = (port: number): string => `version: 1
device: ${DEVICE}
sensors:
  air: { driver: bme280, bus: 1, address: 0x76, every: 1s }
  lamp: { driver: bh1750, bus: 1, address: 0x23, every: 2s }
journal: { directory: /var/lib/sedge }
clock: { wait: 1h }
uplinks:
  address: { type: mqtt, url: "mqtt://10.0.2.2:${port}", batch: { max_wait: 1s }, topics: { prefix: address } }
  name: { type: mqtt, url: "mqtt://outside:${port}", batch: { max_wait: 1s }, topics: { prefix: name } }
`;
/** As Debian's, but that it asks every second, so that nobody waits for a minute. */
const CHRONY_CONFIG = 'server 10.0.2.2 iburst minpoll 0 maxpoll 2\nmakestep 1 3\nrtcsync\ncmdport 0\n';

interface Entry {
  readonly PRIORITY: string;
  readonly MESSAGE: string;
}
interface Line {
  readonly seq: number;
  readonly clock?: string;
}

describe.skipIf(reason !== undefined)(`a boot without a network${reason === undefined ? '' : ` (${reason})`}`, () => {
  let broker: Mosquitto;
  let time: TimeServer;
  let directory: string;
  let receivers: ChildProcess[];
  const received = (name: string): readonly Line[] => {
    const file = join(directory, `${name}.jsonl`);
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    return lines.map((line) => JSON.parse(line) as Line);
  };
  /** Every number from the first on, each once, by both ways. */
  const everythingUpTo = async (last: number) => {
    for (const name of UPLINKS) {
      const lines = await eventually(`record ${last} has come by ${name}`, 240, async () => {
        const now = received(name);
        return now.some(({ seq }) => seq >= last) ? now : undefined;
      });
      expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
      expect(lines.filter(({ clock }) => clock !== undefined)).toEqual([]);
    }
  };
  /** Waits until so many records wait for each uplink, and gives the newest. */
  const waiting = (count: number): Promise<number> =>
    eventually(`${count} records wait`, 180, async () => {
      const { pending, last } = await journal();
      return UPLINKS.every((name) => (pending[name] ?? 0) >= count) ? (last ?? undefined) : undefined;
    });
  const log = async (): Promise<readonly Entry[]> =>
    (await guest('journalctl -u sedge -b -o json --output-fields=PRIORITY,MESSAGE --no-pager'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Entry);
  const clock = async () => (JSON.parse(await guest('sedge status --json')) as { readonly clock: string }).clock;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sedge-board-network-'));
    broker = await startMosquitto();
    time = await startTimeServer();
    receivers = UPLINKS.map((name) => {
      const to = ['--url', broker.url, '--topic', `${name}/+/readings`, '--out', join(directory, `${name}.jsonl`)];
      return spawn(process.execPath, [SEDGE, 'receive', ...to], { stdio: 'ignore' });
    });
    await up();
    await guest(`systemctl disable --now --quiet rig-net systemd-timesyncd
      rm -rf /run/systemd/timesync; sed -i '/outside/d' /etc/hosts`);
    await mountJournal();
    await installService(config(broker.port));
    await cut();
    await start();
  }, UP_TIMEOUT_MS + 600_000);
  afterAll(async () => {
    if (reason !== undefined) return;
    for (const receiver of receivers) {
      const ended = once(receiver, 'exit');
      receiver.kill('SIGKILL');
      await ended;
    }
    await time.close();
    await broker.close();
    rmSync(directory, { recursive: true, force: true });
    await uninstall();
    await attempt(`systemctl stop chrony-of-the-rig rig-net; rm -rf /run/chrony /run/chrony.conf
      sed -i '/outside/d' /etc/hosts`);
  }, 180_000);

  it('starts, measures and accepts, and says what is wrong with the network', async () => {
    expect(await guest('ip -brief address')).not.toMatch(/^e\w+ +UP/m);
    const last = await waiting(10);
    const told = (await log()).map(({ MESSAGE }) => MESSAGE);
    progress(`${last} records are accepted without a network`);
    expect(told.join('\n')).toMatch(
      /^uplink\.offline uplink=address .*the network is not reachable: check the network/m,
    );
    expect(told.join('\n')).toMatch(
      /^uplink\.offline uplink=name .*the name server does not answer: check the network/m,
    );
    for (const name of UPLINKS) expect(received(name)).toEqual([]);
    expect((await guest('systemctl show sedge -p NRestarts --value')).trim()).toBe('0');
  }, 300_000);

  it('delivers everything when the network and the name are there', async () => {
    const last = await waiting(10);
    await guest("systemctl start rig-net; echo '10.0.2.2 outside' >> /etc/hosts");
    await everythingUpTo(last);
  }, 600_000);

  it('gives journald the level of each line', async () => {
    const text = await guest(`cat ${CONFIG_FILE}`);
    await put(CONFIG_FILE, text.replace('every: 1s', 'evry: 1s'));
    await guest('systemctl reload sedge');
    const entries = await eventually('the configuration is refused', 60, async () => {
      const now = await log();
      return now.some(({ MESSAGE }) => MESSAGE.startsWith('configuration.refused')) ? now : undefined;
    });
    await put(CONFIG_FILE, text);
    await guest('systemctl reload sedge');
    const levels = (event: string) => [
      ...new Set(entries.filter(({ MESSAGE }) => MESSAGE.startsWith(event)).map(({ PRIORITY }) => PRIORITY)),
    ];
    // sd-daemon(3): 3 is an error, 4 a warning, 6 information.
    expect(levels('configuration.refused')).toEqual(['3']);
    expect(levels('uplink.offline')).toEqual(['4']);
    expect(levels('service.started')).toEqual(['6']);
    expect(entries.filter(({ MESSAGE }) => /^<\d>/.test(MESSAGE))).toEqual([]);
  }, 300_000);

  it('knows from inside its sandbox when chrony has set the clock', async () => {
    // Until then the kernel's clock was never synchronised in this boot: there was nobody to do it.
    await put('/run/chrony.conf', CHRONY_CONFIG);
    await guest(
      `systemctl stop rig-net
      systemd-run --quiet --unit=chrony-of-the-rig /opt/chrony/usr/sbin/chronyd -d -u root -f /run/chrony.conf
      until [ -d /run/chrony ]; do sleep 0.2; done
      systemctl restart sedge`,
      180,
    );
    const last = await waiting(10);
    expect(await clock()).toBe('unsynced');
    await guest('systemctl start rig-net');
    await eventually('the clock counts as set', 120, async () => ((await clock()) === 'synced' ? true : undefined));
    progress(
      (await guest('timedatectl show -p NTPSynchronized; systemctl is-active systemd-timesyncd || true')).trim(),
    );
    await everythingUpTo(last);
  }, 600_000);
});
