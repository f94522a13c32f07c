/**
 * DS18B20 and its kin on 1-Wire, through the kernel's own driver (w1_therm): DS18S20, DS1822, DS1825, DS28EA00.
 *
 * Reading the file `w1_slave` makes the kernel measure: 750 ms at 12 bits, up to five times when the checksum is wrong. It
 * gives the scratchpad, the kernel's verdict on its checksum, and the temperature in thousandths. What is no temperature:
 * - an empty file: since kernel 5.10 the only sign that no conversion succeeded;
 * - `NO`: the checksum was wrong, and the second line may hold the bytes of an older measurement;
 * - all zeros, whose checksum is right: the data line is shorted to ground;
 * - 85 with the power-on content of byte 6: the conversion never ran. A DS18S20 cannot tell that from a real 85.0;
 * - 127.9 and all else outside -55 to 125: too little power, or another kind of chip.
 *
 * All chips share their wire, so one is read at a time, whatever the schedules are; a probe that went comes back by itself.
 */
import type { FileTree, PollDriver } from '../src/driver.ts';

const DEVICES = '/sys/bus/w1/devices';
/** First two digits of the number of a thermometer: DS18S20, DS1822, DS18B20, DS1825, DS28EA00. */
const THERMOMETER = /^(10|22|28|3b|42)-[0-9a-f]+$/;
const QUEUE = '1-Wire';

/** Conversion at 12 bits (datasheet, "AC electrical characteristics"), and what the kernel needs around it. */
const CONVERSION_MS = 800;
/** w1_therm.c, W1_THERM_MAX_TRY. */
const KERNEL_TRIES = 5;
/** So many others on the wire may be before us. */
const NEIGHBOURS = 15;

const LOWEST_MILLI = -55_000;
const HIGHEST_MILLI = 125_000;
const POWER_ON_MILLI = 85_000;
const POWER_ON_BYTE6 = 0x0c;

const BYTES = '((?:[0-9a-f]{2} ){9})';
const W1_SLAVE = new RegExp(`^${BYTES}: crc=[0-9a-f]{2} (YES|NO)\n${BYTES}t=(-?\\d+)\\s*$`);

export type Verdict = { readonly celsius: number } | { readonly code: string; readonly reason: string };

/** What the text of `w1_slave` says. */
export function verdictOf(text: string): Verdict {
  if (text.trim() === '') {
    return {
      code: 'sensor.no-data',
      reason: 'the kernel could not measure: check its supply and the 4.7 kOhm pull-up',
    };
  }
  const [, scratchpad = '', crc, , milliText] = W1_SLAVE.exec(text) ?? [];
  if (crc === undefined) return { code: 'sensor.no-data', reason: 'the kernel gave a text that is no measurement' };
  if (crc === 'NO')
    return { code: 'sensor.crc', reason: 'the checksum is wrong: check length and pull-up of the wire' };
  const bytes = scratchpad
    .trim()
    .split(' ')
    .map((byte) => Number.parseInt(byte, 16));
  if (bytes.every((byte) => byte === 0)) {
    return { code: 'sensor.no-data', reason: 'everything reads zero: the data line is shorted to ground' };
  }
  const milli = Number(milliText);
  if (milli === POWER_ON_MILLI && bytes[6] === POWER_ON_BYTE6) {
    return {
      code: 'sensor.not-ready',
      reason: 'it holds its power-on value of 85 Cel: it lost its supply while it measured',
    };
  }
  if (milli < LOWEST_MILLI || milli > HIGHEST_MILLI) {
    return { code: 'sensor.range', reason: `${milli / 1_000} Cel is outside what it can measure: check its supply` };
  }
  return { celsius: milli / 1_000 };
}

const thermometers = async (files: FileTree): Promise<readonly string[]> =>
  (await files.list(DEVICES).catch(() => [])).filter((name) => THERMOMETER.test(name));

const driver: PollDriver<'files'> = {
  api: 1,
  id: 'ds18b20',
  title: 'DS18B20, DS18S20, DS1822, DS28EA00: temperature on 1-Wire',
  datasheet: 'https://www.analog.com/media/en/technical-documentation/data-sheets/ds18b20.pdf',
  bus: 'files',
  kind: 'poll',
  channels: { temperature: { quantity: 'temperature', min: -55, max: 125, resolution: 0.0625, decimals: 3 } },
  options: {
    address: {
      kind: 'string',
      doc: 'Number of the chip, such as 28-00000a1b2c3d: a name in /sys/bus/w1/devices. Not needed for the only one on the wire.',
    },
  },
  worstCaseMs: (KERNEL_TRIES + NEIGHBOURS) * CONVERSION_MS,
  async open({ device, options, fail }) {
    const wanted = (options.address as string | undefined)?.toLowerCase();

    const find = async (): Promise<string> => {
      const found = await thermometers(device);
      if (wanted !== undefined && found.includes(wanted)) return wanted;
      const there =
        found.length === 0 ? 'there is none (is 1-Wire enabled: dtoverlay=w1-gpio?)' : `there are ${found.join(', ')}`;
      if (wanted !== undefined) {
        // Another family, or a chip without its kernel driver: what it has is seen when it is read.
        if ((await device.list(`${DEVICES}/${wanted}`).catch(() => [])).length > 0) return wanted;
        throw fail('bus.missing', `ds18b20: nothing with the number ${wanted} is on 1-Wire: ${there}`);
      }
      if (found.length === 0) throw fail('bus.missing', `ds18b20: no thermometer is on 1-Wire: ${there}`);
      if (found.length > 1)
        throw fail('sensor.identity', `ds18b20: which one is meant must be said with address: ${there}`);
      return found[0]!;
    };
    const id = await find();
    const directory = `${DEVICES}/${id}`;
    if (!(await device.list(directory)).includes('w1_slave')) {
      throw fail(
        'sensor.identity',
        `ds18b20: ${id} is no thermometer to the kernel: load its driver (modprobe w1_therm)`,
      );
    }

    return {
      async read(signal) {
        const text = await device.inTurn(QUEUE, async () => {
          if (signal.aborted) throw fail('sensor.deadline', `ds18b20: ${id} did not get its turn on 1-Wire in time`);
          return device.readText(`${directory}/w1_slave`);
        });
        const verdict = verdictOf(text);
        if ('code' in verdict) throw fail(verdict.code, `ds18b20: ${id}: ${verdict.reason}`);
        return { temperature: verdict.celsius };
      },
      close: async () => {},
    };
  },
};

export default driver;
