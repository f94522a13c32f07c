/** The part of the vector rows that is about files of the kernel; see vector-rows.ts. */
import ds18b20 from '../drivers/ds18b20.ts';
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
      typeof content === 'string' ? content : { errno: (content as { readError: string }).readError, readMs: 0 },
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
