/**
 * DHT22 (AM2302) and DHT11, through the kernel's own driver for both (dtoverlay=dht11,gpiopin=4): the pulses of 26 to 70 us on
 * their wire cannot be timed from a program like this one.
 *
 * - The kernel measures when it is asked, in 20 ms, and gives up after a second. A few in a hundred measurements fail (a
 *   checksum, a lost edge), more under load: they are repeated, no sooner than the 2 s that the chip needs.
 * - The kernel gives the same measurement again for 2 s, so that both values come from one; whoever asks sooner waits, since
 *   an old value is no measurement. Another program that reads the device can still have caused the one we get.
 * - Clones that write negative temperatures in another form give absurd values, which are refused.
 */
import { decimal, findDevice, type KernelClass, type Options, type PollDriver, type Values } from '../src/driver.ts';

const IIO: KernelClass = { title: 'dht11', directory: '/sys/bus/iio/devices', entry: /^iio:device\d+$/, below: '' };
/** The name of the platform device: `dht11@4`; `humidity_sensor` with older overlays. */
const NAME = /^(dht|humidity_sensor)/;
const FILES = { temperature: 'in_temp_input', humidity: 'in_humidityrelative_input' } as const;

/** dht11.c: a measurement is valid for 2 s, and given up after 1 s. */
const VALID_MS = 2_100;
const TRANSFER_MS = 1_100;
const TRIES = 3;

/** What the chips are made for (datasheets), a little wider than where they keep their accuracy. */
const RANGES = {
  dht22: { temperature: [-40, 80], humidity: [0, 100] },
  dht11: { temperature: [-20, 60], humidity: [0, 100] },
} as const;

function channelsOf({ model }: Options) {
  const range = RANGES[model as keyof typeof RANGES] ?? RANGES.dht22;
  const step = model === 'dht11' ? 1 : 0.1;
  const channel = (quantity: 'temperature' | 'humidity') => {
    const [min, max] = range[quantity];
    return { quantity, min, max, resolution: step, decimals: 1 };
  };
  return { temperature: channel('temperature'), humidity: channel('humidity') };
}

/** The code of a transfer that failed on the wire, which the next one may not. */
function wireFault(error: unknown): 'bus.io' | 'bus.timeout' | undefined {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return code === 'bus.io' || code === 'bus.timeout' ? code : undefined;
}

const driver: PollDriver<'files'> = {
  api: 1,
  id: 'dht',
  title: 'DHT22 (AM2302) or DHT11: temperature and humidity, through the kernel',
  datasheet: 'https://cdn-shop.adafruit.com/datasheets/Digital+humidity+and+temperature+sensor+AM2302.pdf',
  bus: 'files',
  kind: 'poll',
  channels: channelsOf({ model: 'dht22' }),
  options: {
    model: {
      kind: 'choice',
      choices: ['dht22', 'dht11'],
      default: 'dht22',
      doc: 'Fixes what is possible; AM2302 is a DHT22.',
    },
    address: {
      kind: 'string',
      doc: 'Its name in /sys/bus/platform/devices, such as dht11@4. Not needed for the only one.',
    },
  },
  worstCaseMs: TRIES * (VALID_MS + TRANSFER_MS),
  variant: (options) => ({ channels: channelsOf(options) }),
  async open({ device: files, clock, options, fail, wait }) {
    const channels = channelsOf(options);
    const device = await findDevice(files, IIO, { name: NAME, address: options.address as string | undefined });
    let measuredMs = Number.NEGATIVE_INFINITY;

    const readChannel = async (channel: keyof typeof FILES): Promise<number> => {
      const milli = decimal(await device.read(FILES[channel]));
      if (milli === undefined) throw fail('sensor.no-data', `dht: ${device.title} gives no number for ${channel}`);
      const value = milli / 1_000;
      const { min, max } = channels[channel];
      if (value >= min && value <= max) return value;
      throw fail(
        'sensor.range',
        `dht: ${device.title} says ${channel} ${value}, which a ${options.model} cannot: check model`,
      );
    };
    const measure = async (): Promise<Values> => {
      const temperature = await readChannel('temperature');
      measuredMs = clock.monotonic();
      return { temperature, humidity: await readChannel('humidity') };
    };

    return {
      async read(signal) {
        await device.confirm();
        for (let attempt = 1; ; attempt++) {
          await wait(measuredMs + VALID_MS - clock.monotonic(), signal);
          try {
            return await measure();
          } catch (error) {
            measuredMs = clock.monotonic();
            const code = wireFault(error);
            if (code === undefined) throw error;
            if (attempt < TRIES) continue;
            const hint = 'check the wire and its pull-up; newer DHT11 need a newer kernel';
            throw fail(code, `dht: ${TRIES} measurements of ${device.title} failed: ${hint}`, error);
          }
        }
      },
      close: async () => {},
    };
  },
};

export default driver;
