/**
 * `sedge drivers --new NAME`: a driver, its simulation and its test, which pass as they are. Nothing is ever overwritten: if one
 * of the files is there, none is written.
 */
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SedgeError } from '../errors.ts';
import { DRIVER, SIMULATION, TEST } from './new-driver-texts.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** In the texts, as the name of the chip. */
const PLACEHOLDER = /my-chip/g;

export interface NewDriver {
  readonly driver: string;
  readonly files: readonly string[];
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

export async function newDriver(name: string, directory: string, taken: readonly string[]): Promise<NewDriver> {
  if (!NAME.test(name)) {
    throw new SedgeError(
      'usage',
      `${JSON.stringify(name)} is no name for a driver: write a-z, 0-9 and -, such as my-chip`,
    );
  }
  if (taken.includes(name)) throw new SedgeError('usage', `there is a driver ${name} already: sedge drivers ${name}`);
  const texts: Readonly<Record<string, string>> = {
    [`${name}.js`]: DRIVER,
    [`${name}.sim.js`]: SIMULATION,
    [`${name}.test.js`]: TEST,
  };
  const files = Object.keys(texts);
  for (const file of files) {
    if (await isThere(join(directory, file))) {
      throw new SedgeError(
        'drivers.exists',
        `${file} is here already and stays as it is: choose another name or directory`,
      );
    }
  }
  for (const [file, text] of Object.entries(texts)) {
    try {
      await writeFile(join(directory, file), text.replaceAll(PLACEHOLDER, name), { flag: 'wx' });
    } catch (cause) {
      throw new SedgeError('drivers.write', `${file} cannot be written here: ${messageOf(cause)}`, { cause });
    }
  }
  return { driver: `./${name}.js`, files };
}
