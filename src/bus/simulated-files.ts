/**
 * A simulated tree of files: real driver code reads a device of the kernel through it. Keeps the contract of files.ts.
 *
 * - It holds the simulation's files and no others; space and memory are the machine's own.
 * - A read takes the time that the kernel's driver takes, and gives what is the case when it ends.
 * - Nobody else reads these files, so nobody waits for a turn.
 */
import type { Clock } from '../clock.ts';
import { SedgeError } from '../errors.ts';
import { type FaultOptions, faultDice, HANG_MS, SLOW_MS, UNPLUGGED_MS } from './faults.ts';
import { type FileTree, fileError } from './files.ts';
import type { FilesSimulation } from './sim.ts';

export interface SimulatedFilesOptions {
  readonly files: ReturnType<FilesSimulation['create']>;
  readonly clock: Clock;
  /** The machine's own tree. */
  readonly real: FileTree;
}

export function simulatedFileTree({ files, clock, real }: SimulatedFilesOptions): FileTree {
  const missing = (path: string) => fileError(path, 'ENOENT');
  return {
    async readText(path) {
      const file = files(clock.monotonic())[path];
      if (file === undefined) throw missing(path);
      if (typeof file === 'string') return file;
      await clock.sleep(file.readMs);
      const read = file.read(clock.monotonic());
      if (typeof read !== 'string') throw fileError(path, read.errno);
      return read;
    },
    readNow(path) {
      const file = files(clock.monotonic())[path];
      if (typeof file !== 'string') throw missing(path);
      return file;
    },
    async list(path) {
      const within = `${path}/`;
      const names = Object.keys(files(clock.monotonic()))
        .filter((file) => file.startsWith(within))
        .map((file) => file.slice(within.length).split('/')[0]!);
      if (names.length === 0) throw missing(path);
      return [...new Set(names)].sort();
    },
    space: (path) => real.space(path),
    machine: () => real.machine(),
    inTurn: (_queue, work) => work(),
  };
}

/**
 * Faults of a sensor on simulated files. A transfer is here one read of a file.
 *
 * - nack: the chip does not answer the kernel. hang: the kernel gives up after a second. slow: 200 ms late.
 * - crc: the kernel found a wrong checksum: a read error. unplug: the files are gone for 5 s.
 * - noise is on the value that is measured (faults.ts).
 */
export function faultyFileTree(tree: FileTree, options: FaultOptions): FileTree {
  if (options.faults.length === 0) return tree;
  const { clock, sensor } = options;
  const strikes = faultDice(options);
  let backMs = Number.NEGATIVE_INFINITY;

  const fault = (path: string, errno: string): SedgeError => {
    const { code, message } = fileError(path, errno);
    return new SedgeError(code, `${message} (simulated fault of ${sensor})`);
  };
  const checkPresence = (path: string) => {
    if (clock.monotonic() < backMs) throw fault(path, 'ENOENT');
  };
  return {
    ...tree,
    async list(path) {
      checkPresence(path);
      return tree.list(path);
    },
    async readText(path) {
      checkPresence(path);
      if (strikes('unplug')) {
        backMs = clock.monotonic() + UNPLUGGED_MS;
        throw fault(path, 'ENOENT');
      }
      if (strikes('nack')) throw fault(path, 'EREMOTEIO');
      if (strikes('hang')) {
        await clock.sleep(HANG_MS);
        throw fault(path, 'ETIMEDOUT');
      }
      if (strikes('slow')) await clock.sleep(SLOW_MS);
      const text = await tree.readText(path);
      if (strikes('crc')) throw fault(path, 'EIO');
      return text;
    },
  };
}
