/** The part of the vector rows that is about light; see vector-rows.ts. */
import opt3001 from '../drivers/opt3001.ts';
import tsl2561 from '../drivers/tsl2561.ts';
import tsl2591 from '../drivers/tsl2591.ts';
import veml7700, { corrected, lux, type Setting, stepOf } from '../drivers/veml7700.ts';
import type { SimulatedChip } from '../src/bus/sim.ts';
import type { Options } from '../src/driver.ts';
import { judge, type Members, type VectorFile, type VectorRow } from './vector-judge.ts';
import { readOnce } from './vector-wire.ts';

const LIGHT: Members = { illuminance: { channel: 'illuminance', scale: 1 } };

/** A chip that holds what the row says, whatever is written. `registerOf` takes the register out of the command byte. */
function heldChip(row: VectorRow, registerOf: (command: number) => number): SimulatedChip {
  const registers = new Uint8Array(256);
  for (const [address, hex] of Object.entries(row.wire ?? {})) {
    if (typeof hex === 'string') registers.set(Buffer.from(hex, 'hex'), Number(address));
  }
  let pointer = 0;
  return {
    write([command]) {
      if (command !== undefined) pointer = registerOf(command);
      return true;
    },
    read: (length) => registers.slice(pointer, pointer + length),
  };
}

/** The same for registers that are words: what is read is the word at the register. */
function heldWords(row: VectorRow): SimulatedChip {
  let pointer = 0;
  const words = new Map(Object.entries(row.wire ?? {}).map(([register, hex]) => [Number(register), String(hex)]));
  return {
    write([register]) {
      pointer = register ?? pointer;
      return true;
    },
    read: (length) => Uint8Array.from({ length }, (_, at) => Buffer.from(words.get(pointer) ?? '0000', 'hex')[at % 2]!),
  };
}

export async function runOpt3001(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  return judge(row, file, await readOnce(opt3001, () => heldWords(row)), LIGHT);
}

export async function runTsl2561(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  const { gain, integration, package: packaging } = row.config ?? {};
  const options = (row.config ? { gain, integration } : { gain: 1 }) as Options;
  const chip = heldChip(row, (command) => command & 0x0f);
  // The package is taken from the id, as the row's id says it.
  const id = Number.parseInt(String(row.wire?.['0x0A']), 16) >> 4;
  if (packaging && (id === 1) !== (packaging === 'CS')) return 'the id is not of this package';
  return judge(row, file, await readOnce(tsl2561, () => chip, options), LIGHT);
}

export async function runTsl2591(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  const { gain, integrationMs } = row.config ?? {};
  const options = (row.config ? { gain, integration: `${integrationMs}ms` } : {}) as Options;
  const chip = heldChip(row, (command) => command & 0x1f);
  return judge(row, file, await readOnce(tsl2591, () => chip, options), LIGHT);
}

/** "The polynomial blows up beyond its fit range": the driver refuses, and the row checks arithmetic only. */
const VEML7700_MOST_LUX = 140_000;

export async function runVeml7700(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  const { gain, integrationMs } = row.config ?? {};
  const options = (row.config ? { gain, integration: `${integrationMs}ms` } : {}) as Options;
  const outcome = await readOnce(veml7700, () => heldWords(row), options);
  if (!row.expect || row.saturated) return judge(row, file, outcome, LIGHT);

  // The files have the steps of the calculation too: one a row, so that each is judged.
  const setting = row.config as unknown as Setting;
  const counts = Buffer.from(String(row.wire?.['0x04']), 'hex').readUInt16LE();
  const linear = counts * stepOf(setting);
  const steps = {
    illuminance: lux(counts, setting),
    illuminanceLinear: linear,
    illuminanceCorrected: corrected(linear),
  };
  const names = Object.keys(steps);
  const members = Object.fromEntries(names.map((name) => [name, { channel: name, scale: 1 }]));
  const arithmetic = judge(row, file, { values: steps }, members);
  if (arithmetic !== undefined) return arithmetic;
  if (Number(row.expect.illuminance) > VEML7700_MOST_LUX)
    return 'code' in outcome && outcome.code === 'sensor.range' ? undefined : 'reported what it cannot measure';
  const { illuminance } = row.expect;
  return judge({ ...row, expect: { illuminance } }, file, outcome, LIGHT);
}
