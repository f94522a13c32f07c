/** `sedge scan`: what is on the buses of this board, and a configuration for it. Reads only. */
import { drivers } from '../../drivers/index.ts';
import { type Buses, realBuses } from '../bus/buses.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config/types.ts';
import { missingBus } from '../doctor/i2c.ts';
import { SedgeError } from '../errors.ts';
import { isLocked } from '../journal/lock.ts';
import { FIRST_MUX, LAST_MUX } from '../scan/behind-mux.ts';
import { scanJson, scanText } from '../scan/report.ts';
import { scanAll } from '../scan/scan.ts';
import { busNumbers } from '../scan/sysfs.ts';
import { PLACES } from '../service/install.ts';
import { realSystem, type System } from '../system.ts';
import { type Command, type CommandIo, EXIT } from './command.ts';
import { existingConfig } from './configuration.ts';

/** The machine, for tests to give another. */
export interface ScanMachine {
  readonly system: System;
  readonly buses: Pick<Buses, 'i2c' | 'close'>;
  readonly clock: Clock;
}

/** Of the kernel's i2c-dev: minor numbers of 20 bits. */
const MAX_BUS = 2 ** 20 - 1;

function busNumber(given: unknown): number | undefined {
  if (given === undefined) return undefined;
  const number = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (number <= MAX_BUS) return number;
  throw new SedgeError('usage', `--bus takes the N of /dev/i2c-N, not ${JSON.stringify(given)}`);
}

/** Several are written with commas: `0x70,0x71`. */
function muxAddresses(given: unknown): readonly number[] {
  if (given === undefined) return [];
  return String(given)
    .split(',')
    .map((text) => {
      const address = /^(0x[0-9a-f]+|\d+)$/i.test(text.trim()) ? Number(text) : Number.NaN;
      if (address >= FIRST_MUX && address <= LAST_MUX) return address;
      throw new SedgeError('usage', `--mux takes addresses of multiplexers, 0x70 to 0x77, not ${JSON.stringify(text)}`);
    });
}

/** The configuration of a service that runs now; it talks to its chips, and nothing may come between. */
async function running(io: Pick<CommandIo, 'env' | 'cwd'>): Promise<Config | undefined> {
  for (const file of [PLACES.config, undefined]) {
    const config = (await existingConfig(file, io).catch(() => undefined))?.config;
    if (config && (await isLocked(config.journal.directory))) return config;
  }
  if (!(await isLocked(PLACES.state))) return undefined;
  throw new SedgeError(
    'journal.locked',
    'a service reads sensors on these buses, and its configuration may not be read, so none can be left out: sudo sedge scan, or stop it first with sudo systemctl stop sedge',
  );
}

function inUse(config: Config | undefined, on: number): ReadonlyMap<number, string> {
  return new Map(
    (config?.sensors ?? []).flatMap(({ id, driverName, place }) => {
      if (place.bus !== 'i2c' || place.on !== on) return [];
      // Behind a multiplexer its address is anybody's beside it, but not to be told from it.
      const mux = place.mux ? [[place.mux.address, `the multiplexer of ${id}`] as const] : [];
      return [[place.address, `${id} (${driverName})`] as const, ...mux];
    }),
  );
}

const muxesOf = (config: Config | undefined, on: number): readonly number[] =>
  (config?.sensors ?? []).flatMap(({ place }) =>
    place.bus === 'i2c' && place.on === on && place.mux ? [place.mux.address] : [],
  );

export const scanOf = (machine: (env: NodeJS.ProcessEnv) => ScanMachine): Command => ({
  name: 'scan',
  summary: 'Shows what is on the I2C buses and GPIO of this board, and a configuration for it.',
  usage: 'sedge scan [--bus N] [--mux ADDRESS[,ADDRESS]] [--json]',
  help: `  --bus N    only /dev/i2c-N; also one that is left alone otherwise (displays, mainboard)
  --mux A    looks behind the channels of the TCA9548A at A, too; those of the configuration need not be named
  --json     the same for programs

Draws each bus as i2cdetect does: the address where a chip answers, UU where a kernel driver holds it,
SS where the running service reads it. Chips are recognised by their id registers, which are read and
never written. Chips without an id are named with what they may be. A chip that takes any write for
a setting (a PCF8574A port expander at 0x38 or 0x39) cannot be told beforehand: unplug it first.
Exit status: 0 looked, 69 there is no such bus or it cannot be used, 75 a service runs whose configuration
may not be read.`,
  options: { bus: { type: 'string' }, mux: { type: 'string' }, json: { type: 'boolean' } },
  maxPositionals: 0,
  async run(io, { values }) {
    const only = busNumber(values.bus);
    const asked = muxAddresses(values.mux);
    const { system, buses, clock } = machine(io.env);
    const config = await running(io);
    const known = config ?? (await existingConfig(undefined, io).catch(() => undefined))?.config;
    const numbers = await busNumbers(system.files);
    const isMissing = only === undefined ? numbers.length === 0 : !numbers.includes(only);
    const around = {
      system,
      drivers,
      clock,
      i2c: buses.i2c,
      muxes: (on: number) => [...new Set([...asked, ...muxesOf(known, on)])],
      inUse: (on: number) => inUse(config, on),
    };
    const scan = isMissing && only !== undefined ? undefined : await scanAll(only, around);
    await buses.close();
    if (scan) io.stdout.write(values.json === true ? scanJson(scan, drivers) : scanText(scan, drivers));

    const complain = (sentence: string) => io.stderr.write(`sedge: ${sentence}\n`);
    if (isMissing) {
      const { message, fix } = await missingBus(only ?? 1, system);
      complain(`${message}: ${fix}`);
      return EXIT.unavailable;
    }
    const behind = (scan?.buses ?? []).flatMap(({ muxes }) => muxes);
    // One that is named is on one of the buses; one of the configuration may not be there yet.
    const isElsewhere = (address: number) => behind.some((one) => one.address === address && !one.error);
    const errors = [
      ...(scan?.buses ?? []).flatMap(({ error }) => (error ? [error] : [])),
      ...behind.flatMap(({ address, error }) =>
        error && asked.includes(address) && !isElsewhere(address) ? [error] : [],
      ),
    ];
    for (const { message } of errors) complain(message);
    return errors.length > 0 ? EXIT.unavailable : EXIT.done;
  },
});

export const scan: Command = scanOf((env) => ({
  system: realSystem(env),
  buses: realBuses({ clock: systemClock }),
  clock: systemClock,
}));
