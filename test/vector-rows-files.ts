/** The part of the vector rows that is about files of the kernel; see vector-rows.ts. */
import ds18b20 from '../drivers/ds18b20.ts';
import iio from '../drivers/iio.ts';
import { fileTree } from '../src/bus/files.ts';
import type { SimulatedFile } from '../src/bus/sim.ts';
import { simulatedFileTree } from '../src/bus/simulated-files.ts';
import { virtualClock } from '../src/clock.ts';
import { driverContext, type Options, type PollDriver } from '../src/driver.ts';
import { optionsOf, outcomeOf } from './rig.ts';
import { judge, type Members, type Outcome, type VectorFile, type VectorRow } from './vector-judge.ts';

const TEMPERATURE: Members = { temperature: { channel: 'temperature', scale: 1 } };

/** The row's files in a directory: a text, or `{"readError": "EIO"}`. */
const filesOf = (directory: string, { wire = {} }: VectorRow): Readonly<Record<string, SimulatedFile>> =>
  Object.fromEntries(
    Object.entries(wire).map(([name, content]): [string, SimulatedFile] => [
      `${directory}/${name}`,
      typeof content === 'string'
        ? content
        : { readMs: 0, read: () => ({ errno: (content as { readError: string }).readError }) },
    ]),
  );

async function readOnce(
  driver: PollDriver<'files'>,
  files: Readonly<Record<string, SimulatedFile>>,
  options: Options,
): Promise<Outcome> {
  const clock = virtualClock({ automatic: true });
  const device = simulatedFileTree({ files: () => files, clock, real: fileTree() });
  const read = async () => {
    const sensor = await driver.open(driverContext<'files'>(device, clock, optionsOf(driver, options)));
    return sensor.read(new AbortController().signal);
  };
  const outcome = await outcomeOf(read());
  return 'value' in outcome ? { values: outcome.value } : outcome;
}

export async function runDs18b20(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  const address = '28-0123456789ab';
  const files = filesOf(`/sys/bus/w1/devices/${address}`, row);
  return judge(row, file, await readOnce(ds18b20, files, { address }), TEMPERATURE);
}

const axes = (member: string, channel: string): Members =>
  Object.fromEntries(['x', 'y', 'z'].map((axis) => [`${member}.${axis}`, { channel: `${channel}_${axis}`, scale: 1 }]));
const IIO: Members = {
  ...TEMPERATURE,
  humidity: { channel: 'humidity', scale: 1 },
  // The files have Pa, Sedge has hPa.
  pressure: { channel: 'pressure', scale: 0.01 },
  illuminance: { channel: 'illuminance', scale: 1 },
  co2: { channel: 'co2', scale: 1 },
  voltage: { channel: 'voltage0', scale: 1 },
  ...axes('acceleration', 'acceleration'),
  ...axes('angularVelocity', 'angular_velocity'),
};
const IIO_CHANNELS = Object.values(IIO)
  .map(({ channel }) => channel)
  .join(' ');

export async function runIio(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  // A row about another name is configured for the chip that it says; the others for the name that is there.
  const name = row.error === 'name-mismatch' ? String(row.driver) : String(row.wire?.name).trim();
  const files = filesOf('/sys/bus/iio/devices/iio:device2', row);
  const outcome = await readOnce(iio, files, { name, channels: IIO_CHANNELS });
  // The kernel's own errors, and a device that is not there, are said with the code of the bus.
  const isOfBus = 'code' in outcome && outcome.code.startsWith('bus.');
  if (isOfBus && row.expect === null && /^E[A-Z]+$|^name-mismatch$/.test(row.error ?? '')) return undefined;
  return judge(row, file, outcome, IIO);
}
