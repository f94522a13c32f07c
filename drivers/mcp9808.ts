/**
 * Microchip MCP9808: temperature.
 *
 * Digest of the datasheet ("MCP9808", by section title):
 * - "Registers": a pointer and 16-bit words, most significant byte first; the resolution register (0x08) has one byte.
 * - "Ambient Temperature Register" (0x05): three alert flags, the sign, and 1/16 Cel in 12 bits.
 * - "Sensor Configuration Register" (0x01): bit 8 shuts the converter down, and the last temperature stays readable. It is
 *   0x0000 at power-on, which means that it converts all the time. Bits 10:9 are the hysteresis of the alert output.
 * - "Resolution Register": 0.5, 0.25, 0.125 or 0.0625 Cel (power-on) take typically 30, 65, 130 or 250 ms. Until the first
 *   conversion has ended the temperature is 0, and nothing tells.
 *
 * So a chip that has just lost its supply looks like one at 0 Cel. The alert output is off, its hysteresis is free to carry
 * a mark: if the mark or the resolution is gone after the temperature was read, the reading is refused.
 */
import {
  type Channels,
  type DriverContext,
  type I2cDevice,
  type Options,
  type PollDriver,
  readWord,
  writeWord,
} from '../src/driver.ts';

const CONFIG = 0x01;
const AMBIENT = 0x05;
const MANUFACTURER_ID = 0x06;
const DEVICE_ID = 0x07;
const RESOLUTION = 0x08;

const MICROCHIP = 0x0054;
/** The lower byte is the revision. */
const MCP9808 = 0x04;
const LIS3DH = { register: 0x0f, id: 0x33 } as const;

/** Hysteresis 1.5 Cel: has no effect without the alert output. */
const MARK = 0x0200;
const SHUTDOWN = 0x0100;
const SIGN = 0x1000;
const MAGNITUDE = 0x0fff;

/** The typical time and a fifth: the datasheet has no maximum, and a read that is too early gives an old value. */
const RESOLUTIONS = {
  0.5: { code: 0, maxMs: 36 },
  0.25: { code: 1, maxMs: 78 },
  0.125: { code: 2, maxMs: 156 },
  0.0625: { code: 3, maxMs: 300 },
} as const;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 4;

/** "Ambient Temperature Register": Cel. */
export const celsius = (word: number): number => (word & MAGNITUDE) / 16 - (word & SIGN ? 256 : 0);

const settings = (options: Options) => RESOLUTIONS[options.resolution as keyof typeof RESOLUTIONS];

const channels = ({ resolution }: Options): Channels => ({
  temperature: {
    quantity: 'temperature',
    min: -256,
    max: 256 - (resolution as number),
    resolution: resolution as number,
    decimals: resolution === 0.5 ? 1 : 2,
  },
});

async function identify(device: I2cDevice): Promise<string | undefined> {
  const manufacturer = await readWord(device, MANUFACTURER_ID);
  if (manufacturer === MICROCHIP && (await readWord(device, DEVICE_ID)) >> 8 === MCP9808) return 'MCP9808';
  const [who] = await device.writeRead([LIS3DH.register], 1);
  return who === LIS3DH.id ? 'LIS3DH' : undefined;
}

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const { code, maxMs } = settings(options);
  const place = `0x${device.address.toString(16)}`;
  const configure = (value: number) => writeWord(device, CONFIG, value);

  const manufacturer = await readWord(device, MANUFACTURER_ID);
  if (manufacturer === 0x0000 || manufacturer === 0xffff) {
    throw fail(
      'sensor.identity',
      `mcp9808: ${place} answers with nothing but zeros or ones: check wiring, supply and address`,
    );
  }
  const name = await identify(device);
  if (name !== 'MCP9808') {
    throw fail(
      'sensor.identity',
      `mcp9808: ${place} answers as ${name ?? `an unknown chip (0x${manufacturer.toString(16)} where the MCP9808 has 0x54)`}, ` +
        'not as an MCP9808: check address and driver',
    );
  }
  await configure(MARK | SHUTDOWN);

  return {
    async read(signal: AbortSignal) {
      await device.write(RESOLUTION, code);
      await configure(MARK);
      await wait(maxMs, signal);
      const ambient = await readWord(device, AMBIENT);
      const config = await readWord(device, CONFIG);
      const [resolution] = await device.writeRead([RESOLUTION], 1);
      if (config !== MARK || resolution !== code) {
        throw fail(
          'sensor.no-data',
          `mcp9808: the chip at ${place} was reset while it measured: check its supply and wiring`,
        );
      }
      await configure(MARK | SHUTDOWN);
      return { temperature: celsius(ambient) };
    },
    async close() {
      await configure(MARK | SHUTDOWN).catch(() => {});
    },
  };
}

const DEFAULTS = { resolution: 0.0625 } as const;

const mcp9808: PollDriver<'i2c'> = {
  api: 1,
  id: 'mcp9808',
  title: 'Microchip MCP9808 temperature sensor',
  datasheet: 'https://ww1.microchip.com/downloads/en/DeviceDoc/25095A.pdf',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f],
  channels: channels(DEFAULTS),
  options: {
    resolution: {
      kind: 'choice',
      choices: [0.0625, 0.125, 0.25, 0.5],
      default: DEFAULTS.resolution,
      doc: 'Step of the measurement in Cel: 0.0625 takes 300 ms, 0.125 half of that, 0.25 a quarter, 0.5 an eighth.',
    },
  },
  worstCaseMs: settings(DEFAULTS).maxMs + BUS_MS,
  variant: (options) => ({ channels: channels(options), worstCaseMs: settings(options).maxMs + BUS_MS }),
  identify,
  open,
};

export default mcp9808;
