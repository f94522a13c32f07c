/**
 * TE HTU21D, and its like SHT20, SHT21, SHT25: temperature and relative humidity.
 *
 * Digest of the datasheet ("HTU21D(F)", by section title):
 * - "Communication protocol": one-byte commands. 0xF3 and 0xF5 measure temperature and humidity without holding the clock:
 *   until the end a read is not acknowledged. 0xE6 and 0xE7 write and read the user register; 0xFE resets in 15 ms.
 * - "Electrical characteristics": at most 50 ms for temperature in 14 bits and 16 ms for humidity in 12, less with fewer.
 * - "User register": bits 7 and 0 are the resolution; the others are read before they are written back.
 * - "CRC-8": x8+x5+x4+1 from 0, over both bytes; of these the two lowest bits are status, not measurement.
 * - "Conversion of signal outputs": T = -46.85 + 175.72 S / 65536; RH = -6 + 125 S / 65536, cropped to 0..100.
 * - "Temperature coefficient compensation": RH - 0.15 (25 - T), away from 25 Cel; an option, as most leave it out.
 *
 * The command 0xFC 0xC9 asks for an electronic id, which an HTU21D begins with 0x32; its like may not know the command.
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

const RESOLUTION_BITS = 0x81;
const RESOLUTIONS = {
  '14/12': { code: 0x00, temperatureBits: 14, humidityBits: 12, temperatureMs: 50, humidityMs: 16 },
  '13/10': { code: 0x80, temperatureBits: 13, humidityBits: 10, temperatureMs: 25, humidityMs: 5 },
  '12/8': { code: 0x01, temperatureBits: 12, humidityBits: 8, temperatureMs: 13, humidityMs: 3 },
  '11/11': { code: 0x81, temperatureBits: 11, humidityBits: 11, temperatureMs: 7, humidityMs: 8 },
} as const;

/** What the checksum begins with. */
const CRC_INIT = 0x00;
const RETRY_MS = 5;
const MAX_RETRIES = 4;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 4;

/** "Temperature coefficient compensation": %RH. */
export const compensated = (humidity: number, temperature: number): number => humidity - 0.15 * (25 - temperature);

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

const identify = async (device: I2cDevice): Promise<string | undefined> => CHIPS[(await idOf(device))?.[0] ?? -1];

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
    throw fail('sensor.identity', `htu21d: ${place} answers with nothing but zeros or ones: check wiring and supply`);
  }
  if (id && CHIPS[id[0]!] !== HTU21D) {
    const name = CHIPS[id[0]!];
    throw fail(
      'sensor.identity',
      `htu21d: ${place} answers as ${name ?? `an unknown chip (id 0x${id[0]!.toString(16).padStart(2, '0')})`}, not as an HTU21D: ` +
        `${name ? 'use the driver si7021' : 'check address and driver'}`,
    );
  }

  return {
    async read(signal: AbortSignal) {
      await setResolution();
      const temperatureReply = await ask(TEMPERATURE, temperatureMs, signal);
      const temperatureWord = wordOf(temperatureReply);
      if (temperatureWord === undefined) {
        throw fail('sensor.crc', 'htu21d: the checksum of a reply is wrong: shorten the wires or slow the bus');
      }
      // Zeros have a right checksum, but -46.85 Cel is colder than the chip can be.
      if (temperatureReply.every((byte) => byte === 0x00)) {
        throw fail('sensor.no-data', `htu21d: ${place} answers with nothing but zeros: check wiring and supply`);
      }
      const temperature = celsius(temperatureWord);
      const humidityWord = wordOf(await ask(HUMIDITY, humidityMs, signal));
      if (humidityWord === undefined || humidityWord === 0) return { temperature };
      const humidity = rawHumidity(humidityWord);
      return { temperature, humidity: cropped(options.compensation ? compensated(humidity, temperature) : humidity) };
    },
    /** It sleeps between measurements by itself. */
    async close() {},
  };
}

const DEFAULTS = { resolution: '14/12', compensation: false } as const;

const htu21d: PollDriver<'i2c'> = {
  api: 1,
  id: 'htu21d',
  title: 'TE HTU21D (SHT20, SHT21, SHT25) temperature and humidity sensor',
  datasheet:
    'https://www.te.com/commerce/DocumentDelivery/DDEController?Action=showdoc&DocId=Data+Sheet%7FHPC199_6%7FA6%7Fpdf',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x40],
  channels: channels(DEFAULTS),
  options: {
    resolution: {
      kind: 'choice',
      choices: ['14/12', '13/10', '12/8', '11/11'],
      default: DEFAULTS.resolution,
      doc: 'Bits of temperature and humidity: 14/12 takes 66 ms, 13/10 30 ms, 12/8 16 ms, 11/11 15 ms.',
    },
    compensation: {
      kind: 'boolean',
      default: DEFAULTS.compensation,
      doc: 'Corrects the humidity by 0.15 %RH for each Cel away from 25 Cel, as the datasheet proposes.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  identify,
  open,
};

export default htu21d;
