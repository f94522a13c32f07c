/** What the tests of a bad day share: a station with a user's driver that misbehaves when told, and questions to it. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { eventually, guest, put } from '../rig.ts';
import { DEVICE, flaws, install, journal, type Line, received, retained } from '../station.ts';

export const CONFIG_FILE = '/etc/sedge/sedge.yaml';
export const CONFIG = `version: 1
device: ${DEVICE}
sensors:
  air: { driver: bme280, bus: 1, address: 0x76, every: 1s }
  room: { driver: sht4x, bus: 1, address: 0x45, every: 1s }
  lamp: { driver: bh1750, bus: 1, address: 0x23, every: 1s }
  door: { driver: gpio-input, line: 17, options: { debounce: 20ms } }
  tick: { driver: mock, every: 200ms, options: { wave: walk, min: 0, max: 100 } }
  calm: { driver: mock, every: 5s, options: { wave: walk, min: 0, max: 100 } }
  user: { driver: ./user.mjs, every: 1s }
journal: { directory: /var/lib/sedge, max_size: 16MB }
uplinks:
  cloud: { type: mqtt, url: "mqtt://127.0.0.1:1883", batch: { max_wait: 1s } }
`;
const DROP_IN = '/run/systemd/system/sedge.service.d/test.conf';

export async function installBadDay(): Promise<void> {
  await guest('rm -f /run/misbehave');
  await put('/etc/sedge/user.mjs', readFileSync(new URL('../guest/user-driver.mjs', import.meta.url), 'utf8'));
  await install(CONFIG);
  await arrives('air');
}

/** What the user's driver does from now on; nothing: it behaves. */
export const misbehave = (what: string): Promise<string> =>
  guest(what === '' ? 'rm -f /run/misbehave' : `echo '${what}' > /run/misbehave; chmod 644 /run/misbehave`);

/** Adds to the unit, until `undrop`. */
export async function drop(lines: string): Promise<void> {
  await put(DROP_IN, `[Service]\n${lines}\n`);
  await guest('systemctl daemon-reload && systemctl restart sedge', 180);
}
export const undrop = (): Promise<string> =>
  guest(`rm -f ${DROP_IN}; systemctl daemon-reload && systemctl restart sedge`, 180);

/** The properties of the service that `systemctl show` gives. */
export async function properties(...names: string[]): Promise<Record<string, string>> {
  const text = await guest(`systemctl show sedge ${names.map((name) => `-p ${name}`).join(' ')}`);
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((row) => row.split(/=(.*)/s).slice(0, 2)),
  );
}
export const pid = async (): Promise<string> => (await properties('MainPID')).MainPID!;

/** Waits until the service runs as another process than this one. */
export const replaced = (old: string): Promise<string> =>
  eventually(`another process than ${old} is running`, 180, async () => {
    const found = await properties('MainPID', 'ActiveState');
    return found.MainPID !== old && found.MainPID !== '0' && found.ActiveState === 'active' ? found.MainPID : undefined;
  });

/** New records of a sensor arrive. */
export async function arrives(sensor: string, count = 1, withinS = 120): Promise<readonly Line[]> {
  const before = (await received().catch(() => [])).length;
  return eventually(`${count} new records of ${sensor}`, withinS, async () => {
    const records = (await received()).slice(before).filter((line) => line.sensor === sensor);
    return records.length >= count ? records : undefined;
  });
}

/** Everything that is accepted by now arrives, each number once, and nothing is reported missing. */
export async function expectComplete(): Promise<void> {
  const { last } = await journal();
  const lines = await eventually(`record ${last} has arrived`, 180, async () => {
    const now = await received();
    return now.some(({ seq }) => seq !== undefined && seq >= (last ?? 0)) ? now : undefined;
  });
  expect(flaws(lines, last ?? 0)).toEqual({ missing: [], twice: [] });
  expect(lines.filter(({ gap }) => gap !== undefined)).toEqual([]);
}

export interface SensorStatus {
  readonly state: string;
  readonly error?: string;
  readonly message?: string;
}
/** Waits for a state of a sensor at the broker. */
export const told = (sensor: string, state: string, withinS = 120): Promise<SensorStatus> =>
  eventually(`${sensor} is reported ${state}`, withinS, async () => {
    const status = await retained<SensorStatus>(`status/${sensor}`);
    return status.state === state ? status : undefined;
  });

export interface Health {
  readonly storage: string;
  readonly dropped: number;
  readonly sensors: Readonly<Record<string, { readonly reads: number; readonly missed: number }>>;
}
export const health = (): Promise<Health> => retained<Health>('health');

/** The service's log since a moment of the board's clock, one line each. */
export const logSince = async (since: string): Promise<readonly string[]> =>
  (await guest(`journalctl -u sedge -o cat --no-pager --since '${since}'`)).trim().split('\n');
export const boardTime = async (): Promise<string> => (await guest("date '+%F %T'")).trim();

/** New batches at the broker hold readings of a sensor; for when the receiver's own disk is in trouble. */
export const published = (sensor: string): Promise<true> =>
  eventually(`readings of ${sensor} at the broker`, 180, async () => {
    const rows = await guest(`mosquitto_sub -q 1 -t sedge/${DEVICE}/readings -C 2 -W 30`);
    const batches = rows.split('\n').filter(Boolean);
    const readings = batches.flatMap((row) => (JSON.parse(row) as { readings: { sensor: string }[] }).readings);
    return readings.some((reading) => reading.sensor === sensor) ? true : undefined;
  });
