/**
 * Any sensor for which the kernel has an Industrial I/O driver: /sys/bus/iio/devices.
 *
 * A value is `in_<type>_input`, or (`_raw` + `_offset`) * `_scale`, where offset and scale may be those of all channels of a
 * type. The kernel's units (Documentation/ABI/testing/sysfs-bus-iio) become ours. A raw value without a scale has no unit,
 * and is left out. Against the ABI, bme680 and bme280 on old kernels give humidity in percent, with a decimal point.
 *
 * Which channels there are is said by `channels`; unless set, by the name of a known chip, else the usual ones of the air. A
 * channel is one word for the quantity, then what the kernel's file has: a number, or a modifier.
 */
import {
  type ChannelKind,
  channelTable,
  decimal,
  findDevice,
  type KernelClass,
  type KernelDevice,
  kernelChannel,
  measureChannels,
  type NamedChannel,
  namedChannels,
  type Options,
  type PollDriver,
} from '../src/driver.ts';

const IIO: KernelClass = { title: 'IIO', directory: '/sys/bus/iio/devices', entry: /^iio:device\d+$/, below: '' };

/** The bounds are those of any chip; the scale turns the unit of the ABI into ours. */
const KINDS: Readonly<Record<string, ChannelKind>> = {
  temperature: { type: 'temp', scale: 0.001, channel: kernelChannel('temperature', -273.15, 2_000, 3) },
  humidity: { type: 'humidityrelative', scale: 0.001, channel: kernelChannel('humidity', -6, 119, 3) },
  pressure: { type: 'pressure', scale: 10, channel: kernelChannel('pressure', 0, 20_000, 4) },
  illuminance: { type: 'illuminance', scale: 1, channel: kernelChannel('illuminance', 0, 200_000, 3) },
  acceleration: { type: 'accel', scale: 1, channel: kernelChannel('acceleration', -5_000, 5_000, 3) },
  angular_velocity: { type: 'anglvel', scale: 1, channel: kernelChannel('angular_velocity', -100, 100, 4) },
  co2: { type: 'concentration', scale: 10_000, channel: kernelChannel('co2', 0, 1_000_000, 0) },
  voltage: { type: 'voltage', scale: 0.001, channel: kernelChannel('voltage', -1_000, 1_000, 6) },
  current: { type: 'current', scale: 0.001, channel: kernelChannel('current', -1_000, 1_000, 6) },
  power: { type: 'power', scale: 0.001, channel: kernelChannel('power', -100_000, 100_000, 6) },
  resistance: { type: 'resistance', scale: 1, channel: kernelChannel('resistance', 0, 1e12, 3) },
};

const AIR = 'temperature humidity pressure illuminance';
const MOTION = 'acceleration_x acceleration_y acceleration_z';
const TURNING = 'angular_velocity_x angular_velocity_y angular_velocity_z';
/** What known chips have, by the beginning of their name. */
const KNOWN: readonly (readonly [name: RegExp, channels: string])[] = [
  [/^bme280/, 'temperature humidity pressure'],
  [/^bme680/, 'temperature humidity pressure resistance'],
  [/^(bmp\d|dps310|ms5611|lps|mpl3115)/, 'temperature pressure'],
  [/^(htu21|hdc|hts221|dht11)/, 'temperature humidity'],
  [/^scd(30|4)/, 'co2 temperature humidity'],
  [/^(bh17|opt300|tsl25|veml|max440|isl290|vcnl)/, 'illuminance'],
  [/^(tmp|max318|mcp9600|tsys)/, 'temperature'],
  [/^mlx906/, 'temperature_ambient temperature_object'],
  [/^(adxl|lis3dh|lis2d|mma|kxcj|lsm6.*_accel)/, MOTION],
  [/^lsm6.*_gyro/, TURNING],
  [/^(mpu|bmi160)/, `${MOTION} ${TURNING} temperature`],
  [/^(ads1|mcp3[24])/, 'voltage0 voltage1 voltage2 voltage3'],
];

function channelsOf({ name, channels }: Options): readonly NamedChannel[] {
  const known = typeof name === 'string' ? KNOWN.find(([pattern]) => pattern.test(name))?.[1] : undefined;
  return namedChannels(typeof channels === 'string' && channels.trim() !== '' ? channels : (known ?? AIR), KINDS);
}

/** Bodies of file names, most specific first: a scale may be that of all channels of a type. */
function bodies({ kind: { type }, index, modifier }: NamedChannel): readonly string[] {
  const suffix = modifier && `_${modifier}`;
  return [...new Set([`in_${type}${index}${suffix}`, `in_${type}${index}`, `in_${type}${suffix}`, `in_${type}`])];
}

/** Humidity in percent against the ABI: a decimal point, and not above 100. */
const isPercent = (type: string, text: string, value: number): boolean =>
  type === 'humidityrelative' && text.includes('.') && value <= 100;

interface Attribute {
  readonly text: string;
  readonly value: number;
}

/** One channel in our unit; undefined when the device does not have it. */
async function readChannel(
  { attributes }: KernelDevice,
  wanted: NamedChannel,
  read: (file: string) => Promise<Attribute>,
): Promise<number | undefined> {
  const has = (file: string) => attributes.has(file);
  const { kind } = wanted;
  const full = kind === KINDS.co2 && wanted.modifier === '' ? { ...wanted, modifier: 'co2' } : wanted;
  // Some drivers number a channel of which they have only one: in_illuminance0_input.
  for (const each of full.index === '' ? [full, { ...full, index: '0' }] : [full]) {
    const own = bodies(each);
    if (has(`${own[0]}_input`)) {
      const { text, value } = await read(`${own[0]}_input`);
      return isPercent(kind.type, text, value) ? value : value * kind.scale;
    }
    const scaleFile = own.map((body) => `${body}_scale`).find(has);
    if (!has(`${own[0]}_raw`) || scaleFile === undefined) continue;
    const offsetFile = own.map((body) => `${body}_offset`).find(has);
    const raw = await read(`${own[0]}_raw`);
    const offset = offsetFile === undefined ? 0 : (await read(offsetFile)).value;
    return (raw.value + offset) * (await read(scaleFile)).value * kind.scale;
  }
  return undefined;
}

const driver: PollDriver<'files'> = {
  api: 1,
  id: 'iio',
  title: 'Any sensor with an Industrial I/O driver in the kernel',
  datasheet: 'https://docs.kernel.org/driver-api/iio/intro.html',
  bus: 'files',
  kind: 'poll',
  channels: channelTable(namedChannels(AIR, KINDS)),
  options: {
    name: { kind: 'string', doc: 'What the `name` or `label` of the device says. Not needed for the only one.' },
    address: {
      kind: 'string',
      doc: 'The chip on its own bus, such as 1-0076 or spi0.0, where two have the same name.',
    },
    channels: {
      kind: 'string',
      doc: 'What to read, such as `temperature voltage0 acceleration_x`; unless set, what a chip of this name has.',
    },
  },
  // The slowest chip (SCD4x) measures every 5 s, and its driver waits for that.
  worstCaseMs: 6_000,
  variant: (options) => ({ channels: channelTable(channelsOf(options)) }),
  async open({ device: files, options, fail }) {
    const channels = channelsOf(options);
    const device = await findDevice(files, IIO, {
      name: options.name as string | undefined,
      address: options.address as string | undefined,
    });
    return {
      async read(signal) {
        /** Scale and offset of several channels are read once. */
        const known = new Map<string, Attribute>();
        const attribute = async (file: string): Promise<Attribute> => {
          const before = known.get(file);
          if (before) return before;
          const text = await device.read(file);
          const value = decimal(text);
          if (value === undefined) throw fail('sensor.no-data', `iio: ${file} of ${device.title} holds no number`);
          known.set(file, { text, value });
          return { text, value };
        };
        return measureChannels(device, channels, (wanted) => readChannel(device, wanted, attribute), signal);
      },
      close: async () => {},
    };
  },
};

export default driver;
