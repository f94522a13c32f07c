/**
 * Rows 26, 27 and 40 of the fault matrix: a board whose clock is wrong at power-on, without a network; then the network comes and
 * timesyncd sets the clock. And steps while it runs. QEMU's hardware clock is set wrong; the time server is outside.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cut, eventually, guest, progress, put, start, UP_TIMEOUT_MS, unavailable, up } from '../rig.ts';
import { DEVICE, flaws, install, journal, type Line, received, retained, uninstall } from '../station.ts';
import { startTimeServer, TIMESYNCD_CONFIG, TIMESYNCD_CONFIG_PATH, type TimeServer } from './time-server.ts';

const reason = unavailable();
const CONFIG = `version: 1
device: ${DEVICE}
sensors:
  air: { driver: bme280, bus: 1, address: 0x76, every: 1s }
  lamp: { driver: bh1750, bus: 1, address: 0x23, every: 2s }
  door: { driver: gpio-input, line: 17, options: { debounce: 20ms } }
journal: { directory: /var/lib/sedge }
clock: { wait: 1h }
uplinks:
  cloud: { type: mqtt, url: "mqtt://127.0.0.1:1883", batch: { max_wait: 1s } }
`;
/** Between the moment of a measurement and our looking: the board is slow, and time is asked over two processes. */
const SLACK_MS = 10_000;
const MONTH_MS = 30 * 86_400_000;

type Timed = Line & { readonly clock?: string };
const timesOf = (lines: readonly Line[], sensor: string) =>
  lines.filter((line) => line.sensor === sensor).map(({ time }) => Date.parse(time!));
const healthClock = async () => (await retained<{ clock: string }>('health')).clock;

/** Records of air from now on. */
async function next(count: number): Promise<readonly Line[]> {
  const before = (await received()).length;
  return eventually(`${count} new records of air`, 180, async () => {
    const fresh = (await received()).slice(before).filter(({ sensor }) => sensor === 'air');
    return fresh.length >= count ? fresh : undefined;
  });
}

describe.skipIf(reason !== undefined)(`a wrong clock${reason === undefined ? '' : ` (${reason})`}`, () => {
  let time: TimeServer | undefined;
  beforeAll(async () => {
    time = await startTimeServer();
    await up();
    await put(TIMESYNCD_CONFIG_PATH, TIMESYNCD_CONFIG);
    await guest('systemctl enable --quiet systemd-timesyncd');
    await install(CONFIG);
    await next(1);
  }, UP_TIMEOUT_MS + 400_000);
  afterAll(async () => {
    await time?.close();
    if (reason !== undefined || process.env.BOARD_KEEP !== undefined) return;
    await uninstall();
    await guest(
      `systemctl disable --now --quiet systemd-timesyncd; systemctl stop rig-net; rm -f ${TIMESYNCD_CONFIG_PATH}`,
    );
  }, 180_000);

  it.each([
    ['in 1970', '1970-01-01T00:00:00'],
    ['last month', new Date(Date.now() - MONTH_MS).toISOString().slice(0, 19)],
  ])(
    '%s at power-on, without a network: measured at once, and published with the right times once the clock is set',
    async (_when, rtc) => {
      // timesyncd would begin with the last time that it knew.
      await guest('systemctl stop systemd-timesyncd rig-net; rm -f /var/lib/systemd/timesync/clock; sync');
      const before = await received();
      await cut();
      const powerOnMs = Date.now();
      await start({ rtc });
      const boardSays = Number(await guest('date +%s')) * 1000;
      expect(boardSays).toBeLessThan(powerOnMs - MONTH_MS / 2);
      const accepted = await eventually('records are accepted', 180, async () => {
        const { last, pending } = await journal();
        return (pending.cloud ?? 0) >= 8 ? last! : undefined;
      });
      expect(await healthClock()).toBe('unsynced');
      // What was accepted in the boot before may come: its times are known.
      const streams = new Set(before.map(({ stream }) => stream));
      expect((await received()).filter(({ stream }) => !streams.has(stream))).toEqual([]);

      await guest('systemctl start rig-net && systemctl restart systemd-timesyncd');
      const lines = await eventually(`record ${accepted} has arrived`, 240, async () => {
        const now = await received();
        return now.some(({ seq }) => (seq ?? 0) > accepted) ? now : undefined;
      });
      const fresh = lines.filter(({ stream }) => !streams.has(stream)) as readonly Timed[];
      progress(
        `${fresh.length} records, the first at ${fresh[0]?.time}; the board had said ${new Date(boardSays).toISOString()}`,
      );
      expect(fresh.filter(({ clock }) => clock !== undefined)).toEqual([]);
      for (const at of fresh.map(({ time: text }) => Date.parse(text!))) {
        expect(at).toBeGreaterThan(powerOnMs - SLACK_MS);
        expect(at).toBeLessThan(Date.now() + SLACK_MS);
      }
      const air = timesOf(fresh, 'air');
      expect(air).toEqual([...air].sort((a, b) => a - b));
      expect(new Set(air).size).toBe(air.length);
      expect(flaws(lines, accepted)).toEqual({ missing: [], twice: [] });
      expect(
        await eventually('health says that the clock is set', 120, async () =>
          (await healthClock()) === 'synced' ? true : undefined,
        ),
      ).toBe(true);
    },
    900_000,
  );

  it.each([
    ['a year forward', "date -s '+1 year'"],
    ['three months back', "date -s '-3 months'"],
    ['to 1970', "date -s '1970-01-02'"],
  ])(
    'steps %s while it runs: sampling neither stalls nor floods, and no time comes twice',
    async (_how, step) => {
      await next(2);
      const began = (await received()).length;
      const beganMs = performance.now();
      await guest(`${step}`);
      await next(10);
      const seconds = (performance.now() - beganMs) / 1000;
      await guest('systemctl restart systemd-timesyncd');
      await eventually('the times are right again', 180, async () => {
        const at = timesOf(await next(1), 'air').at(-1)!;
        return Math.abs(at - Date.now()) < SLACK_MS ? true : undefined;
      });
      const lines = await received();
      const since = lines.slice(began).filter(({ sensor }) => sensor === 'air');
      progress(`10 records took ${seconds.toFixed(1)} s`);
      const allowed = (performance.now() - beganMs) / 1000 + 3;
      expect(since.length).toBeLessThanOrEqual(allowed);
      const all = timesOf(lines, 'air');
      expect(new Set(all).size).toBe(all.length);
      expect(flaws(lines, Math.max(...lines.map(({ seq }) => seq ?? 0)))).toEqual({ missing: [], twice: [] });
    },
    600_000,
  );
});
