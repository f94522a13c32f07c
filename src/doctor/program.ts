/** The checks of the program itself: Node, and the optional packages with native code. */
import { loadNative } from '../bus/native-package.ts';
import { messageOf } from '../errors.ts';
import type { NativePackage } from '../system.ts';
import { type Check, type DoctorContext, type Finding, fault, halves, ok, warning } from './types.ts';

/** package.json, engines. */
const OLDEST_NODE = [20, 19] as const;

export const nodeCheck: Check = {
  id: 'node',
  async run({ system: { nodeVersion } }) {
    const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
    const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
    if (!isOld) return [ok(`Node ${nodeVersion}`)];
    return [
      fault(`Node ${nodeVersion} is too old: ${OLDEST_NODE.join('.')} or later is needed`, {
        fix: 'sudo apt update && sudo apt install nodejs   (Debian 13 and later; before, install it from nodejs.org)',
      }),
    ];
  },
};

/** The way that is taken where a package does not load; undefined where there is none. */
async function otherWay(name: NativePackage, { system }: DoctorContext): Promise<string | undefined> {
  const hasNotify = name === 'node-unix-socket' && (await system.run('systemd-notify', ['--version'])) !== undefined;
  return hasNotify ? 'not there, and not needed: systemd is told through the program systemd-notify' : undefined;
}

/** What a package is for, and whether this configuration can do without it. */
async function need(name: NativePackage, { configuration: { config }, system }: DoctorContext) {
  const uses = (bus: string) => config?.sensors.some(({ place }) => place.bus === bus) ?? false;
  switch (name) {
    case 'i2c-bus':
      return { isNeeded: uses('i2c'), purpose: 'no I2C sensor can be read' };
    case 'onoff':
      return {
        isNeeded: uses('gpio') && (await system.run('gpiodetect', ['--version'])) === undefined,
        purpose: 'GPIO lines can be read through the gpiod tools only',
      };
    case 'node-unix-socket':
      return { isNeeded: false, purpose: 'systemd is not told that the service runs' };
  }
}

async function examine(name: NativePackage, context: DoctorContext): Promise<Finding> {
  const { system } = context;
  try {
    await loadNative(name, () => system.load(name), system.platform);
    return ok('loads', { about: name });
  } catch (error) {
    const way = await otherWay(name, context);
    if (way !== undefined) return ok(way, { about: name });
    const { what, remedy } = halves(messageOf(error));
    const { isNeeded, purpose } = await need(name, context);
    const state = isNeeded ? fault : warning;
    return state(`${what}; without it ${purpose}`, { about: name, ...(remedy !== undefined && { fix: remedy }) });
  }
}

export const packagesCheck: Check = {
  id: 'packages',
  async run(context) {
    if (context.system.platform !== 'linux')
      return [ok(`real buses need Linux and this is ${context.system.platform}: sensors can be simulated`)];
    const names: readonly NativePackage[] = ['i2c-bus', 'onoff', 'node-unix-socket'];
    return Promise.all(names.map((name) => examine(name, context)));
  },
};
