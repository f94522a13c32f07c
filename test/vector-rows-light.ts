/** The part of the vector rows that is about light; see vector-rows.ts. */
import tsl2561 from '../drivers/tsl2561.ts';
import tsl2591 from '../drivers/tsl2591.ts';
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
