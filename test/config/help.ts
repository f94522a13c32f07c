/** A small table of drivers, one of each sort, and short ways to parse a text: what the tests of the configuration share. */

import { formatProblem, type ParseOptions, parseConfig } from '../../src/config/load.ts';
import type { Config, SensorConfig } from '../../src/config/types.ts';
import type { AnyDriver, Channel } from '../../src/driver.ts';

const channel = (quantity: string): Channel => ({ quantity, min: -100, max: 100, resolution: 0.01, decimals: 2 });
const never = async () => {
  throw new Error('the configuration opens nothing');
};
const common = { api: 1, datasheet: 'none', worstCaseMs: 10, options: {}, open: never } as const;

export const drivers: Readonly<Record<string, AnyDriver>> = {
  bme280: {
    ...common,
    id: 'bme280',
    title: 'Temperature, humidity, pressure',
    bus: 'i2c',
    kind: 'poll',
    addresses: [0x76, 0x77],
    channels: { temperature: channel('temperature'), humidity: channel('humidity'), pressure: channel('pressure') },
    options: {
      oversampling: { kind: 'choice', choices: [1, 2, 4], default: 1, doc: 'Samples that make one value.' },
      wait: { kind: 'duration', default: 100, min: 10, max: 1_000, doc: 'A wait.' },
      gain: { kind: 'number', default: 1, min: 0, max: 10, doc: 'A factor.' },
      heater: { kind: 'boolean', default: false, doc: 'A heater.' },
      label: { kind: 'string', doc: 'A label.' },
      table: { kind: 'file', doc: 'A file.' },
    },
  },
  sht4x: {
    ...common,
    id: 'sht4x',
    title: 'Temperature and humidity',
    bus: 'i2c',
    kind: 'poll',
    addresses: [0x44, 0x45, 0x46],
    channels: { temperature: channel('temperature'), humidity: channel('humidity') },
  },
  adxl345: {
    ...common,
    id: 'adxl345',
    title: 'Acceleration',
    bus: 'i2c',
    kind: 'poll',
    addresses: [0x53, 0x1d],
    channels: { acceleration_x: channel('acceleration') },
    options: {
      mode: { kind: 'choice', choices: ['single', 'burst'], default: 'single', doc: 'What a reading is.' },
      rate: { kind: 'rate', default: 100, choices: [100, 200, 1600], doc: 'Samples per second.' },
      window: { kind: 'duration', default: 1_000, min: 100, max: 10_000, doc: 'Length of a burst.' },
    },
    variant: ({ mode, rate, window }) => {
      if (mode === 'burst' && Number(rate) * Number(window) > 4_000_000)
        throw new Error('a burst has at most 4000 samples');
      return mode === 'burst' ? { channels: { rms: channel('acceleration') } } : {};
    },
  },
  'gpio-input': {
    ...common,
    id: 'gpio-input',
    title: 'A contact',
    bus: 'gpio',
    kind: 'event',
    channels: { state: channel('state') },
    options: { debounce: { kind: 'duration', default: 20, min: 0, max: 60_000, doc: 'A debounce.' } },
  },
  sw420: {
    ...common,
    id: 'sw420',
    title: 'Vibration',
    bus: 'gpio',
    kind: 'counter',
    channels: { count: channel('count') },
  },
  ds18b20: {
    ...common,
    id: 'ds18b20',
    title: 'Temperature on 1-Wire',
    bus: 'files',
    kind: 'poll',
    channels: { temperature: channel('temperature') },
    options: { address: { kind: 'string', doc: 'The number of the chip.' } },
  },
  host: {
    ...common,
    id: 'host',
    title: 'The board itself',
    bus: 'files',
    kind: 'poll',
    channels: { temperature: channel('temperature'), load: channel('load') },
  },
  mock: {
    ...common,
    id: 'mock',
    title: 'A made-up signal',
    bus: 'none',
    kind: 'poll',
    channels: { value: channel('ratio') },
  },
};

export const surroundings: ParseOptions = { file: 'sedge.yaml', env: {}, cwd: '/etc/sedge', drivers, hostname: 'hall' };

/** The problems of a text, each as `line:column: path: sentence`. */
export async function problemsOf(text: string, options: Partial<ParseOptions> = {}): Promise<readonly string[]> {
  const result = await parseConfig(text, { ...surroundings, ...options });
  return 'problems' in result ? result.problems.map((one) => formatProblem(one).replace(/^sedge\.yaml:/, '')) : [];
}

/** The configuration of a text that has no problem. */
export async function configOf(text: string, options: Partial<ParseOptions> = {}): Promise<Config> {
  const result = await parseConfig(text, { ...surroundings, ...options });
  if ('problems' in result) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config;
}

/** A file with one sensor `s`, its keys in braces from column 8 of line 2. */
export const oneSensor = (keys: string): string => `version: 1\nsensors:\n  s: { ${keys} }\n`;
export const sensorOf = async (keys: string, options: Partial<ParseOptions> = {}): Promise<SensorConfig> =>
  (await configOf(oneSensor(keys), options)).sensors[0]!;
