/** Sedge as a systemd service on real kernel interfaces: I2C, GPIO, a watchdog, and power cuts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import truth from './guest/truth.json' with { type: 'json' };
import {
  attempt,
  CUT_TIMEOUT_MS,
  cutAndBoot,
  diskLogBytes,
  drive,
  eventually,
  guest,
  progress,
  put,
  setChips,
  UP_TIMEOUT_MS,
  unavailable,
  up,
} from './rig.ts';
import { DEVICE, flaws, install, journal, type Line, received, retained, SEDGE, uninstall } from './station.ts';

interface Batch {
  readonly format: number;
  readonly device: string;
  readonly stream: string;
  readonly first: number;
  readonly last: number;
  readonly readings: readonly { readonly seq: number; readonly sensor: string }[];
  readonly events?: readonly { readonly seq: number }[];
}

/** Records of one sensor that arrive from now on, once there are `count` of them. */
async function next(sensor: string, count = 1): Promise<Line[]> {
  const before = (await received()).length;
  return eventually(`${count} new records of ${sensor}`, 60, async () => {
    const records = (await received()).slice(before).filter((line) => line.sensor === sensor);
    return records.length >= count ? records : undefined;
  });
}

/** The properties of the service that `systemctl show` gives. */
async function properties(...names: string[]): Promise<Record<string, string>> {
  const text = await guest(`systemctl show sedge ${names.map((name) => `-p ${name}`).join(' ')}`);
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((row) => row.split(/=(.*)/s).slice(0, 2)),
  );
}

/** Waits until what was accepted has grown by `count`, and gives the newest number that is known to be accepted. */
async function acceptedAfter(count: number): Promise<number> {
  const { last: before } = await journal();
  return eventually(`${count} records accepted beyond ${before}`, 90, async () => {
    const { last } = await journal();
    return last !== null && last >= (before ?? 0) + count ? last : undefined;
  });
}

const reason = unavailable();

describe.skipIf(reason !== undefined)(`the service on the board${reason === undefined ? '' : ` (${reason})`}`, () => {
  beforeAll(async () => {
    await up();
    await install();
  }, UP_TIMEOUT_MS + 400_000);
  afterAll(async () => {
    if (process.env.BOARD_KEEP === undefined) await uninstall();
  }, 180_000);

  describe('installed', () => {
    it('is active once it has said that it is ready, and starts at boot', async () => {
      expect(await properties('ActiveState', 'SubState', 'Type', 'Result', 'UnitFileState')).toEqual({
        ActiveState: 'active',
        SubState: 'running',
        Type: 'notify',
        Result: 'success',
        UnitFileState: 'enabled',
      });
    });

    it('has a watchdog and restarts for ever', async () => {
      const found = await properties('WatchdogUSec', 'Restart', 'StartLimitIntervalUSec');
      expect(found.WatchdogUSec).not.toBe('0');
      expect(found).toMatchObject({ Restart: 'always', StartLimitIntervalUSec: '0' });
    });

    it('runs as a plain user without capabilities, in a tight sandbox', async () => {
      const status = await guest('cat /proc/$(systemctl show sedge -p MainPID --value)/status');
      expect(status).not.toMatch(/^Uid:\s+0\b/m);
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      await guest('systemd-analyze security sedge --threshold=20 --no-pager > /dev/null');
    });
  });

  describe('measuring', () => {
    it.each([
      ['air', 'the BME280', truth.bme280],
      ['room', 'the SHT4x', truth.sht4x],
      ['lamp', 'the BH1750', truth.bh1750],
    ])('gives for %s what %s holds', async (sensor, _chip, { expect: expected, tolerance }) => {
      const [record] = await next(sensor);
      expect(Object.keys(record?.values ?? {}).sort()).toEqual(Object.keys(expected).sort());
      for (const [channel, value] of Object.entries(expected)) {
        const within = (tolerance as Record<string, number>)[channel]! + 0.01; // and what decimals round away
        expect(Math.abs(record!.values![channel]! - value), channel).toBeLessThanOrEqual(within);
      }
    });

    it('reports its own board', async () => {
      const [record] = await next('board');
      expect(Object.keys(record?.values ?? {}).length).toBeGreaterThan(0);
    });

    it('sends an event for each change of a GPIO line', async () => {
      for (const level of [1, 0, 1] as const) {
        const event = next('door');
        await new Promise((resolve) => setTimeout(resolve, 1000)); // `next` has counted what is there
        await drive(17, level);
        expect((await event).map(({ values }) => values)).toEqual([{ state: level }]);
      }
    });

    it('counts pulses on another line', async () => {
      const windows = next('shock', 3);
      for (let pulse = 0; pulse < 3; pulse++) {
        await guest('echo "27 1" > /dev/vpi-gpio; sleep 0.3; echo "27 0" > /dev/vpi-gpio; sleep 0.3');
      }
      const counted = (await windows).flatMap(({ values }) => Object.values(values ?? {}));
      expect(counted.reduce((sum, value) => sum + value, 0)).toBeGreaterThanOrEqual(1);
    });
  });

  describe('publishing', () => {
    it('sends batches whose numbers have no holes', async () => {
      const rows = await guest(`mosquitto_sub -t sedge/${DEVICE}/readings -C 3 -W 60`);
      for (const row of rows.trim().split('\n')) {
        const batch = JSON.parse(row) as Batch;
        expect(batch).toMatchObject({ format: 1, device: DEVICE });
        expect(batch.stream).toMatch(/^[0-9a-f]{24}$/);
        const numbers = [...batch.readings, ...(batch.events ?? [])].map(({ seq }) => seq).sort((a, b) => a - b);
        expect(numbers).toEqual(Array.from(numbers, (_, at) => batch.first + at));
        expect(numbers.at(-1)).toBe(batch.last);
      }
    });

    it('says who it is and that it is there', async () => {
      expect(await retained('status')).toEqual({ state: 'online' });
      const info = await retained<{ sensors: Record<string, { driver: string }> }>('info');
      expect(Object.keys(info.sensors).sort()).toEqual(['air', 'board', 'door', 'lamp', 'room', 'shock']);
    });
  });

  describe('in trouble', () => {
    it('names a chip that fell silent, reads the others, and takes it back', async () => {
      setChips({ silent: [0x76] });
      await eventually('air is reported offline', 60, async () => {
        const status = await retained<{ state: string; error?: string }>('status/air');
        return status.state === 'offline' && status.error === 'bus.nack' ? true : undefined;
      });
      await next('room');
      setChips({});
      await next('air');
      await eventually('air is reported online', 60, async () =>
        (await retained<{ state: string }>('status/air')).state === 'online' ? true : undefined,
      );
    });

    it('is killed by the watchdog when it hangs, and starts again', async () => {
      // A stopped process does not die of SIGABRT either; TimeoutAbortSec is the wait for SIGKILL.
      await put('/run/systemd/system/sedge.service.d/watchdog.conf', '[Service]\nWatchdogSec=8\nTimeoutAbortSec=2\n');
      await guest('systemctl daemon-reload && systemctl restart sedge', 180);
      const { MainPID: hung, NRestarts: restarts } = await properties('MainPID', 'NRestarts');
      await guest(`kill -STOP ${hung}`);
      await eventually('another process is running', 90, async () => {
        const found = await properties('MainPID', 'NRestarts', 'ActiveState');
        const replaced = found.MainPID !== hung && Number(found.NRestarts) > Number(restarts);
        return replaced && found.ActiveState === 'active' ? true : undefined;
      });
      expect(await guest('journalctl -u sedge -o cat --no-pager | grep -c "Watchdog timeout"')).not.toBe('0\n');
      await guest(
        'rm -r /run/systemd/system/sedge.service.d && systemctl daemon-reload && systemctl restart sedge',
        180,
      );
      await next('air');
    });
  });

  describe('after a power cut', () => {
    /** After the boot: the service comes by itself, and everything that had been accepted has arrived. */
    const expectComplete = async (accepted: number, before: readonly Line[]) => {
      await eventually('the service is active again', 90, async () =>
        (await properties('ActiveState')).ActiveState === 'active' ? true : undefined,
      );
      const streams = new Set(before.map(({ stream }) => stream));
      const lines = await eventually(`record ${accepted} and one of a new stream have arrived`, 120, async () => {
        const now = await received();
        const fresh = now.some(({ seq, stream }) => (seq ?? 0) > accepted && !streams.has(stream));
        return fresh ? now : undefined;
      });
      expect(flaws(lines, accepted)).toEqual({ missing: [], twice: [] });
      expect(lines.filter(({ gap }) => gap !== undefined)).toEqual([]);
      expect((await journal()).gaps).toEqual([]);
      progress(`${accepted} accepted records, ${lines.length} received, none missing`);
    };

    it(
      'has every accepted reading, with messages in flight to a broker that hung',
      async () => {
        await next('air', 2);
        // A stopped broker has passed on whatever it acknowledged: from here on only the journal holds the rest.
        await guest('systemctl kill -s STOP mosquitto');
        const accepted = await acceptedAfter(6);
        const before = await received();
        expect(Math.max(...before.map(({ seq }) => seq ?? 0))).toBeLessThan(accepted);
        await cutAndBoot();
        await expectComplete(accepted, before);
      },
      CUT_TIMEOUT_MS + 300_000,
    );

    it(
      'has every accepted reading of a backlog, on a drive that was cut in mid-commit and tore late writes',
      async () => {
        await guest('systemctl stop mosquitto');
        const accepted = await acceptedAfter(6);
        const afterBytes = diskLogBytes();
        await acceptedAfter(6);
        const before = await received();
        await cutAndBoot({ seed: 2, afterBytes });
        await expectComplete(accepted, before);
      },
      CUT_TIMEOUT_MS + 300_000,
    );
  });

  describe('told to stop', () => {
    it('says goodbye and ends cleanly', async () => {
      await guest('systemctl stop sedge', 60);
      expect(await properties('ActiveState', 'Result', 'ExecMainStatus')).toEqual({
        ActiveState: 'inactive',
        Result: 'success',
        ExecMainStatus: '0',
      });
      expect(await retained('status')).toEqual({ state: 'offline' });
    });

    it('is gone after uninstalling, and its journal is not', async () => {
      await guest(`${SEDGE} service uninstall`);
      expect((await attempt('systemctl cat sedge')).status).not.toBe(0);
      expect(await guest('ls /var/lib/sedge')).not.toBe('');
    });
  });
});
