/**
 * Aosong AHT20, AHT21, DHT20, and their predecessors AHT10 and AHT15: temperature and relative humidity.
 *
 * Digest of the datasheets ("AHT20", "AHT10", by section title):
 * - "Sensor reading process": the status has bit 7 set while it is busy and bit 3 once it is calibrated; 0xAC 0x33 0x00
 *   measures, which takes 80 ms; a reply is status, two numbers of 20 bits, and a CRC over the six bytes before it. The
 *   AHT10 has no CRC. While it is busy the chip answers with its old numbers and a right CRC.
 * - A chip that is not calibrated is made so by 0xBE 0x08 0x00 (AHT10: 0xE1) within 10 ms; its numbers do not count before.
 * - "Soft reset": 0xBA takes 20 ms. After power-on the chip needs up to 100 ms, in which its status is 0.
 * - "Signal transformation": RH = 100 S / 2^20, T = 200 S / 2^20 - 50.
 *
 * There is no id: what answers is taken for the chip if its status makes sense. Measuring more often than every 2 s warms it.
 */
import type { DriverContext, PollDriver } from '../src/driver.ts';

const MODELS = {
  aht20: { initialise: [0xbe, 0x08, 0x00], asksForStatus: true, replyBytes: 7 },
  aht10: { initialise: [0xe1, 0x08, 0x00], asksForStatus: false, replyBytes: 6 },
} as const;
const MEASURE = [0xac, 0x33, 0x00] as const;
const READ_STATUS = 0x71;
const SOFT_RESET = 0xba;
const BUSY = 0x80;
const CALIBRATED = 0x08;

const MEASURE_MS = 80;
const RESET_MS = 20;
const INITIALISE_MS = 10;
const BUSY_POLL_MS = 10;
const MAX_BUSY_POLLS = 5;
/** Until a chip that has just been switched on knows its status: 100 ms, with one in reserve. */
const START_POLL_MS = 20;
const MAX_START_POLLS = 6;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 4;
const WORST_CASE_MS = MEASURE_MS + MAX_BUSY_POLLS * (BUSY_POLL_MS + 1) + BUS_MS;

type Crc = (bytes: Uint8Array) => number;

const FULL_SCALE = 2 ** 20;

/** "Signal transformation", %RH. */
export const relativeHumidity = (raw: number): number => (100 * raw) / FULL_SCALE;

/** "Signal transformation", Cel. */
export const celsius = (raw: number): number => (200 * raw) / FULL_SCALE - 50;

/** A reply taken apart. The two numbers of 20 bits share the byte in the middle. */
export function parse(reply: Uint8Array) {
  const [status, b1, b2, shared, b4, b5] = reply;
  return {
    isBusy: (status! & BUSY) !== 0,
    isCalibrated: (status! & CALIBRATED) !== 0,
    humidity: (b1! << 12) | (b2! << 4) | (shared! >> 4),
    temperature: ((shared! & 0x0f) << 16) | (b4! << 8) | b5!,
  };
}

/** Whether the seventh byte is the checksum of the six before it. */
export const isSound = (reply: Uint8Array, crc8: Crc): boolean => crc8(reply.subarray(0, 6)) === reply[6];

async function open({ device, options, wait, fail, crc8 }: DriverContext<'i2c'>) {
  const { initialise, asksForStatus, replyBytes } = MODELS[options.model as keyof typeof MODELS];
  const place = `0x${device.address.toString(16)}`;

  const readStatus = async (): Promise<number> => {
    if (asksForStatus) await device.write(READ_STATUS);
    const [status] = await device.read(1);
    return status!;
  };

  let status = await readStatus();
  for (let poll = 0; status === 0x00 && poll < MAX_START_POLLS; poll++) {
    await wait(START_POLL_MS);
    status = await readStatus();
  }
  if (status === 0x00 || status === 0xff) {
    throw fail('sensor.identity', `aht20: ${place} answers with nothing but zeros or ones: check wiring and supply`);
  }
  await device.write(SOFT_RESET);
  await wait(RESET_MS);
  if (((await readStatus()) & CALIBRATED) === 0) {
    await device.write(...initialise);
    await wait(INITIALISE_MS);
    status = await readStatus();
    if ((status & CALIBRATED) === 0) {
      throw fail(
        'sensor.identity',
        `aht20: the chip at ${place} does not become calibrated (status 0x${status.toString(16)}): it may be of another ` +
          'model or another chip',
      );
    }
  }

  const fetch = async () => {
    const reply = await device.read(replyBytes);
    if (replyBytes === 7 && !isSound(reply, crc8)) {
      throw fail(
        'sensor.crc',
        'aht20: the checksum of a reply is wrong: shorten the wires or slow the bus; an AHT10 or AHT15 needs `model: aht10`',
      );
    }
    return parse(reply);
  };

  return {
    async read(signal: AbortSignal) {
      await device.write(...MEASURE);
      await wait(MEASURE_MS, signal);
      let reply = await fetch();
      for (let poll = 0; reply.isBusy && poll < MAX_BUSY_POLLS; poll++) {
        await wait(BUSY_POLL_MS, signal);
        reply = await fetch();
      }
      if (reply.isBusy) {
        throw fail(
          'sensor.not-ready',
          `aht20: the chip at ${place} has not ended measuring in its time: check its supply`,
        );
      }
      if (!reply.isCalibrated) {
        throw fail(
          'sensor.no-data',
          `aht20: the chip at ${place} is no longer calibrated: its supply may have failed meanwhile`,
        );
      }
      return { temperature: celsius(reply.temperature), humidity: relativeHumidity(reply.humidity) };
    },
    async close() {},
  };
}

const aht20: PollDriver<'i2c'> = {
  api: 1,
  id: 'aht20',
  title: 'Aosong AHT10, AHT20 or DHT20 temperature and humidity sensor',
  datasheet: 'http://www.aosong.com/en/products-32.html',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x38, 0x39],
  channels: {
    temperature: { quantity: 'temperature', min: -50, max: 150, resolution: 0.01, decimals: 2 },
    humidity: { quantity: 'humidity', min: 0, max: 100, resolution: 0.024, decimals: 2 },
  },
  options: {
    model: {
      kind: 'choice',
      choices: ['aht20', 'aht10'],
      default: 'aht20',
      doc: 'Set aht20 for AHT20, AHT21 and DHT20, aht10 for AHT10 and AHT15, which send no checksum.',
    },
  },
  worstCaseMs: WORST_CASE_MS,
  open,
};

export default aht20;
