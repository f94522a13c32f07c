/** The virtual board keeps its own promises; a service that fails on it fails for a reason of its own. */
import { beforeAll, describe, expect, it } from 'vitest';
import truth from './guest/truth.json' with { type: 'json' };
import { attempt, drive, guest, put, setChips, UP_TIMEOUT_MS, unavailable, up } from './rig.ts';

const reason = unavailable();

/** Runs a module in the board that can require the project's packages, and parses the JSON it prints. */
async function script<T>(body: string): Promise<T> {
  await put(
    '/tmp/probe.mjs',
    `import { createRequire } from 'node:module';
     import { setTimeout as sleep } from 'node:timers/promises';
     const require = createRequire('/repo/package.json');
     ${body}`,
  );
  return JSON.parse(await guest('node /tmp/probe.mjs')) as T;
}

describe.skipIf(reason !== undefined)(`the virtual board${reason === undefined ? '' : ` (${reason})`}`, () => {
  beforeAll(up, UP_TIMEOUT_MS);

  it('boots a systemd without a failed unit', async () => {
    expect(await guest('systemctl is-system-running --wait')).toBe('running\n');
  });

  it('runs a command with its output and exit status', async () => {
    expect(await attempt('echo out; echo err >&2; exit 3')).toEqual({ status: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('shows every chip to i2cdetect', async () => {
    const rows = (await guest('i2cdetect -y 1')).split('\n').slice(1);
    const seen = rows.flatMap((row) => row.slice(4).match(/[0-9a-f]{2}/g) ?? []);
    expect(seen).toEqual(['23', '44', '45', '53', '76']);
  });

  it('measures on the BME280 in forced mode, through i2c-bus', async () => {
    const result = await script<Record<string, string | number>>(`
      const bus = require('i2c-bus').openSync(1);
      const hex = (register, length) => {
        const bytes = Buffer.alloc(length);
        bus.readI2cBlockSync(0x76, register, length, bytes);
        return bytes.toString('hex');
      };
      const id = bus.readByteSync(0x76, 0xd0);
      bus.writeByteSync(0x76, 0xe0, 0xb6);
      await sleep(10);
      const before = hex(0xf7, 8);
      bus.writeByteSync(0x76, 0xf2, 0x01);
      bus.writeByteSync(0x76, 0xf4, 0x25);
      await sleep(50);
      console.log(JSON.stringify({ id, before, after: hex(0xf7, 8), status: bus.readByteSync(0x76, 0xf3),
        control: bus.readByteSync(0x76, 0xf4), low: hex(0x88, 26), high: hex(0xe1, 7) }));`);
    const { registers } = truth.bme280;
    expect(result).toEqual({
      id: 0x60,
      before: '8000008000008000',
      after: registers['0xF7'],
      status: 0,
      control: 0x24,
      low: registers['0x88'],
      high: registers['0xE1'],
    });
  });

  it('measures on the SHT4x, which is deaf while it measures', async () => {
    const result = await script<{ serial: string; early: number; answer: string; spoilt: string }>(`
      import { writeFileSync } from 'node:fs';
      const bus = require('i2c-bus').openSync(1);
      const write = (byte) => bus.i2cWriteSync(0x45, 1, Buffer.from([byte]));
      const read = () => { const bytes = Buffer.alloc(6); bus.i2cReadSync(0x45, 6, bytes); return bytes.toString('hex'); };
      write(0x89);
      const serial = read();
      write(0x39);
      let early = 0;
      try { read(); } catch (error) { early = Math.abs(error.errno); }
      await sleep(1500);
      read();
      write(0xfd);
      await sleep(30);
      const answer = read();
      writeFileSync('/rig/i2c.json', '{"badCrc":[69]}');
      write(0xfd);
      await sleep(30);
      const spoilt = read();
      writeFileSync('/rig/i2c.json', '{}');
      console.log(JSON.stringify({ serial, early, answer, spoilt }));`);
    expect(result).toEqual({
      serial: '0fba7c7c5141',
      early: 121,
      answer: '5fdb115fb8f9',
      spoilt: '5fdb105fb8f8',
    });
  });

  it('lets a chip fall silent and hang', async () => {
    setChips({ silent: [0x23] });
    expect((await attempt('i2cget -y 1 0x23')).status).not.toBe(0);
    setChips({ hang: [0x23] });
    const hung = await attempt('time i2cget -y 1 0x23');
    expect(hung.status).not.toBe(0);
    expect(hung.stderr).toMatch(/real\s+0m[1-9]/);
    setChips({});
    expect(await guest('i2cget -y 1 0x23')).toMatch(/^0x/);
  });

  it("serves the SHT3x to the kernel's own driver", async () => {
    setChips({ celsius: 30 });
    const millidegrees = await guest(`
      echo sht3x 0x44 > /sys/bus/i2c/devices/i2c-1/new_device
      for try in $(seq 50); do cat /sys/class/hwmon/hwmon*/temp1_input 2>/dev/null && break; sleep 0.2; done
      echo 0x44 > /sys/bus/i2c/devices/i2c-1/delete_device`);
    setChips({});
    expect(Number(millidegrees) / 1000).toBeCloseTo(30, 1);
  });

  it('raises the edges of a line, for onoff and for gpiomon', async () => {
    await drive(17, 0);
    const edges = await script<number[]>(`
      import { writeFileSync } from 'node:fs';
      const { Gpio } = require('onoff');
      const pin = new Gpio(512 + 17, 'in', 'both');
      const edges = [];
      pin.watch((error, value) => edges.push(error ? error.code : value));
      for (const level of [1, 0, 1]) {
        const before = edges.length;
        writeFileSync('/dev/vpi-gpio', \`17 \${level}\\n\`);
        for (let tries = 0; tries < 50 && edges.length === before; tries++) await sleep(100);
      }
      pin.unexport();
      console.log(JSON.stringify(edges));`);
    expect(edges).toEqual([1, 0, 1]);
    const monitored = await guest(`
      timeout 60 gpiomon --num-events=2 gpiochip0 17 &
      for try in $(seq 100); do gpioinfo gpiochip0 | grep -q '"GPIO17" *"gpiomon"' && break; sleep 0.2; done
      echo '17 0' > /dev/vpi-gpio; echo '17 1' > /dev/vpi-gpio; wait`);
    expect(monitored).toMatch(/FALLING EDGE.*RISING EDGE/s);
    await drive(17, 'z');
  });
});
