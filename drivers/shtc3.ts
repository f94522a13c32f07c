/**
 * Sensirion SHTC3: temperature and relative humidity.
 *
 * Digest of the datasheet ("SHTC3", by section title):
 * - "Sleep and Wakeup": 0xB098 puts it to sleep, 0x3517 wakes it within 0.24 ms; asleep it acknowledges nothing else.
 * - "Measurement Commands": 0x7866 and 0x609C measure temperature first, without clock stretching, at normal and at low
 *   power. A read before the end is not acknowledged.
 * - "Timing Specification": a measurement takes at most 12.1 ms at normal and 0.8 ms at low power; a reset 0.24 ms.
 * - "Read-out of ID Register": 0xEFC8; bits 11 and 5..0 are 1 and 000111.
 * - "Conversion of Signal Output": T = -45 + 175 S / 65536; RH = 100 S / 65536. Each word is followed by its CRC.
 *
 * Its address, 0x70, is also that of a multiplexer, which takes any byte written to it for a choice of channels: so the
 * chip is asked for its id only where somebody has configured one, and never in a search.
 */
import { checkedWords, type DriverContext, type PollDriver } from '../src/driver.ts';

const MEASURE = {
  high: { command: [0x78, 0x66], maxMs: 12.1 },
  low: { command: [0x60, 0x9c], maxMs: 0.8 },
} as const;
const WAKE_UP = { command: [0x35, 0x17], maxMs: 0.24 } as const;
const SOFT_RESET = { command: [0x80, 0x5d], maxMs: 0.24 } as const;
const SLEEP = [0xb0, 0x98] as const;
const READ_ID = [0xef, 0xc8] as const;
const ID_MASK = 0x083f;
const SHTC3_ID = 0x0807;
/** The same family at the same address, with other times and without sleep. */
const SHTC1_ID = 0x0007;
const ID_BYTES = 3;
const REPLY_BYTES = 6;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 2;

/** "Conversion of Signal Output", temperature in Cel. */
export const celsius = (ticks: number): number => -45 + (175 * ticks) / 65536;

/** "Conversion of Signal Output", %RH. */
export const relativeHumidity = (ticks: number): number => (100 * ticks) / 65536;

async function open({ device, options, wait, fail, crc8 }: DriverContext<'i2c'>) {
  const { command, maxMs } = MEASURE[options.precision as keyof typeof MEASURE];
  const place = `0x${device.address.toString(16)}`;
  let isAwake = true;
  const wakeUp = async (signal?: AbortSignal) => {
    isAwake = true;
    await device.write(...WAKE_UP.command);
    await wait(WAKE_UP.maxMs, signal);
  };
  // Awake it only takes more current, and the next read or the end puts it to sleep: not worth a reading.
  const sleep = async () => {
    await device.write(...SLEEP).then(
      () => {
        isAwake = false;
      },
      () => {},
    );
  };

  await wakeUp();
  await device.write(...SOFT_RESET.command);
  await wait(SOFT_RESET.maxMs);
  await device.write(...READ_ID);
  const [id] = checkedWords(await device.read(ID_BYTES), 1, crc8) ?? [];
  if (id === undefined) {
    throw fail(
      'sensor.crc',
      `shtc3: the checksum of the id at ${place} is wrong: this may be another chip (a multiplexer), else shorten the wires`,
    );
  }
  if ((id & ID_MASK) !== SHTC3_ID) {
    const name = (id & ID_MASK) === SHTC1_ID ? 'an SHTC1 or SHTW1' : `an unknown chip (id 0x${id.toString(16)})`;
    throw fail('sensor.identity', `shtc3: ${place} answers as ${name}, not as an SHTC3: check address and driver`);
  }
  await sleep();

  return {
    async read(signal: AbortSignal) {
      try {
        await wakeUp(signal);
        await device.write(...command);
        await wait(maxMs, signal);
        const [temperature, humidity] = checkedWords(await device.read(REPLY_BYTES), 2, crc8) ?? [];
        if (temperature === undefined || humidity === undefined) {
          throw fail('sensor.crc', 'shtc3: the checksum of a reply is wrong: shorten the wires or slow the bus');
        }
        return { temperature: celsius(temperature), humidity: relativeHumidity(humidity) };
      } finally {
        await sleep();
      }
    },
    async close() {
      if (isAwake) await sleep();
    },
  };
}

const shtc3: PollDriver<'i2c'> = {
  api: 1,
  id: 'shtc3',
  title: 'Sensirion SHTC3 temperature and humidity sensor',
  datasheet: 'https://sensirion.com/resource/datasheet/shtc3',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x70],
  channels: {
    temperature: { quantity: 'temperature', min: -45, max: 130, resolution: 0.01, decimals: 2 },
    humidity: { quantity: 'humidity', min: 0, max: 100, resolution: 0.01, decimals: 2 },
  },
  options: {
    precision: {
      kind: 'choice',
      choices: ['high', 'low'],
      default: 'high',
      doc: 'Repeatability of a measurement: high takes 12.1 ms, low 0.8 ms and a tenth of the energy.',
    },
  },
  worstCaseMs: WAKE_UP.maxMs + MEASURE.high.maxMs + BUS_MS,
  variant: (options) => ({
    worstCaseMs: WAKE_UP.maxMs + MEASURE[options.precision as keyof typeof MEASURE].maxMs + BUS_MS,
  }),
  open,
};

export default shtc3;
