/** The sensors on this board's buses, for a first configuration. Whatever cannot be looked at is as if nothing were there. */
import { drivers } from '../../drivers/index.ts';
import { realBuses } from '../bus/buses.ts';
import { systemClock } from '../clock.ts';
import { scanAll } from '../scan/scan.ts';
import { sensorLines } from '../scan/snippet.ts';
import { realSystem } from '../system.ts';
import type { CommandIo } from './command.ts';

/** A bus that hangs at every address must not hold up an install. */
const MAX_SCAN_MS = 20_000;

/** A line of YAML for each; see sensorLines. */
export async function foundSensors({ env, signal }: Pick<CommandIo, 'env' | 'signal'>): Promise<readonly string[]> {
  const system = realSystem(env);
  const buses = realBuses({ clock: systemClock });
  const found = scanAll(undefined, {
    system,
    drivers,
    clock: systemClock,
    i2c: (on) => buses.i2c(on),
    // There is no configuration yet, so no service reads there.
    inUse: () => new Map(),
    // Nor does anything say that a chip at 0x70 is a multiplexer, and writing to it could be wrong.
    muxes: () => [],
  }).then(
    (scan) => sensorLines(scan, drivers),
    () => [],
  );
  const late = systemClock.sleep(MAX_SCAN_MS, signal).then((): readonly string[] => []);
  const lines = await Promise.race([found, late]);
  await buses.close().catch(() => {});
  return lines;
}
