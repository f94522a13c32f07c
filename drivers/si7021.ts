/**
 * Silicon Labs Si7021, Si7020 and Si7013: temperature and relative humidity.
 *
 * Digest of the datasheet ("Si7021-A20", by section title):
 * - "I2C Interface": one-byte commands. 0xF3 and 0xF5 measure temperature and humidity without holding the clock: until the
 *   end a read is not acknowledged. 0xE6 and 0xE7 write and read the user register; 0xFE resets in at most 15 ms.
 * - "Electrical Specifications": at most 10.8 ms for temperature in 14 bits; 12 ms for humidity in 12 bits, and the
 *   temperature that it takes along. Clones that are HTU21D inside take up to 50 ms: that long it is asked.
 * - "Electronic Serial Number": the answer to 0xFC 0xC9 begins with 0x15 for Si7021, 0x14 for Si7020, 0x0D for Si7013, 0x00
 *   or 0xFF for engineering samples. How its checksums are chained is not agreed on: the first byte decides.
 * - "Register Descriptions": bits 7 and 0 of the user register are the resolution; the others are written back as read.
 * - "I2C Interface", checksum: x8+x5+x4+1 from 0, over both bytes; of these the two lowest bits are status.
 * - "Measuring Relative Humidity", "Measuring Temperature": RH = -6 + 125 S / 65536, slightly outside of 0..100 at times and
 *   cropped; T = -46.85 + 175.72 S / 65536.
 */
import {
  type Channels,
  checkedWords,
  type DriverContext,
  type I2cDevice,
  ifAcknowledged,
  isStuck,
  type Options,
  onceAcknowledged,
  type PollDriver,
} from '../src/driver.ts';
import { CHIPS, celsius, channelsOf, cropped, rawHumidity } from './sht21.maths.ts';

const TEMPERATURE = 0xf3;
const HUMIDITY = 0xf5;
const READ_USER = 0xe7;
const WRITE_USER = 0xe6;
const RESET = { command: 0xfe, maxMs: 15 } as const;
const ID = { command: [0xfc, 0xc9], length: 6 } as const;

const HTU21D = 'HTU21D';
/** What an engineering sample's electronic id begins with. */
const SAMPLES: Readonly<Record<number, string>> = { 0: 'sample', 255: 'sample' };

const RESOLUTION_BITS = 0x81;
/** `humidityMs` with the temperature. */
const RESOLUTIONS = {
  '14/12': { code: 0x00, temperatureBits: 14, humidityBits: 12, temperatureMs: 10.8, humidityMs: 22.8 },
  '13/10': { code: 0x80, temperatureBits: 13, humidityBits: 10, temperatureMs: 6.2, humidityMs: 10.7 },
  '12/8': { code: 0x01, temperatureBits: 12, humidityBits: 8, temperatureMs: 3.8, humidityMs: 6.9 },
  '11/11': { code: 0x81, temperatureBits: 11, humidityBits: 11, temperatureMs: 2.4, humidityMs: 9.4 },
} as const;

/** What the checksum begins with. */
const CRC_INIT = 0x00;
const RETRY_MS = 5;
const MAX_RETRIES = 10;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 4;

const resolutionOf = (options: Options) => RESOLUTIONS[options.resolution as keyof typeof RESOLUTIONS];

function channels(options: Options): Channels {
  const { temperatureBits, humidityBits } = resolutionOf(options);
  return channelsOf(temperatureBits, humidityBits);
}

function worstCaseMs(options: Options): number {
  const { temperatureMs, humidityMs } = resolutionOf(options);
  return temperatureMs + humidityMs + 2 * MAX_RETRIES * RETRY_MS + BUS_MS;
}

/** The electronic id; undefined from a chip that does not know the question. */
const idOf = (device: I2cDevice): Promise<Uint8Array | undefined> =>
  ifAcknowledged(device.writeRead(ID.command, ID.length));

/** Which part an electronic id belongs to; undefined if it is none that is known. */
export const partOf = (id: Uint8Array): string | undefined => SAMPLES[id[0] ?? -1] ?? CHIPS[id[0] ?? -1];

async function identify(device: I2cDevice): Promise<string | undefined> {
  const id = await idOf(device);
  if (!id || isStuck(id)) return undefined;
  const part = partOf(id);
  return part === 'sample' ? 'Si7021 (sample)' : part;
}

async function open({ device, options, wait, fail, crc8 }: DriverContext<'i2c'>) {
  const { code, temperatureMs, humidityMs } = resolutionOf(options);
  const place = `0x${device.address.toString(16)}`;

  const setResolution = async () => {
    const [user] = await device.writeRead([READ_USER], 1);
    if ((user! & RESOLUTION_BITS) !== code) await device.write(WRITE_USER, (user! & ~RESOLUTION_BITS) | code);
  };
  /** A reply as a word; undefined if its checksum is wrong. */
  const wordOf = (reply: Uint8Array) => checkedWords(reply, 1, (bytes) => crc8(bytes, CRC_INIT))?.[0];
  const ask = async (command: number, ms: number, signal: AbortSignal): Promise<Uint8Array> => {
    await device.write(command);
    await wait(ms, signal);
    const looks = { times: 1 + MAX_RETRIES, lookAgainMs: RETRY_MS, wait, signal };
    return onceAcknowledged(() => device.read(3), looks);
  };

  await device.write(RESET.command);
  await wait(RESET.maxMs);
  const id = await idOf(device);
  if (id && isStuck(id)) {
    throw fail('sensor.identity', `si7021: ${place} answers with nothing but zeros or ones: check wiring and supply`);
  }
  // A clone that does not know the question measures all the same.
  const part = id && partOf(id);
  if (id && (part === undefined || part === HTU21D)) {
    throw fail(
      'sensor.identity',
      `si7021: ${place} answers as ${part ?? `an unknown chip (id 0x${id[0]!.toString(16).padStart(2, '0')})`}, not as a Si7021: ` +
        `${part ? 'use the driver htu21d' : 'check address and driver'}`,
    );
  }

  return {
    async read(signal: AbortSignal) {
      await setResolution();
      const temperatureReply = await ask(TEMPERATURE, temperatureMs, signal);
      const temperatureWord = wordOf(temperatureReply);
      if (temperatureWord === undefined) {
        throw fail('sensor.crc', 'si7021: the checksum of a reply is wrong: shorten the wires or slow the bus');
      }
      // Zeros have a right checksum, but -46.85 Cel is colder than the chip can be.
      if (temperatureReply.every((byte) => byte === 0x00)) {
        throw fail('sensor.no-data', `si7021: ${place} answers with nothing but zeros: check wiring and supply`);
      }
      const temperature = celsius(temperatureWord);
      const humidityWord = wordOf(await ask(HUMIDITY, humidityMs, signal));
      if (humidityWord === undefined || humidityWord === 0) return { temperature };
      return { temperature, humidity: cropped(rawHumidity(humidityWord)) };
    },
    /** It sleeps between measurements by itself. */
    async close() {},
  };
}

const DEFAULTS = { resolution: '14/12' } as const;

const si7021: PollDriver<'i2c'> = {
  api: 1,
  id: 'si7021',
  title: 'Silicon Labs Si7021, Si7020 or Si7013 temperature and humidity sensor',
  datasheet: 'https://www.silabs.com/documents/public/data-sheets/Si7021-A20.pdf',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x40],
  channels: channels(DEFAULTS),
  options: {
    resolution: {
      kind: 'choice',
      choices: ['14/12', '13/10', '12/8', '11/11'],
      default: DEFAULTS.resolution,
      doc: 'Bits of temperature and humidity: 14/12 takes 34 ms, 13/10 17 ms, 12/8 11 ms, 11/11 12 ms.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  identify,
  open,
};

export default si7021;
