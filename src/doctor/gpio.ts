/** The check of GPIO: which way to the lines serves, why, and whether they are ours to use. Takes no line. */
import { chooseGpio, type GpioChoice, type GpioEnvironment } from '../bus/gpio-auto.ts';
import { codeOf } from '../errors.ts';
import type { FileFacts, System } from '../system.ts';
import { groupFix, mayUse } from './access.ts';
import { type Check, type DoctorContext, type Finding, fault, isBroken, ok } from './types.ts';

const EXPORT = '/sys/class/gpio/export';
const CHIP_NODE = /^gpiochip\d+$/;

export const gpioEnvironment = (system: System): GpioEnvironment => ({
  root: system.root,
  platform: system.platform,
  path: system.path,
  loadOnoff: () => system.load('onoff'),
});

type Node = { readonly path: string; readonly facts: FileFacts } | undefined;

/** What a backend opens; the export file of sysfs is for writing only. */
async function nodeOf(backend: 'sysfs' | 'chardev', { files }: System): Promise<Node> {
  const chip = (await files.list('/dev')).find((name) => CHIP_NODE.test(name));
  const path = backend === 'sysfs' ? EXPORT : `/dev/${chip}`;
  const facts = await files.facts(path);
  return facts && { path, facts: backend === 'sysfs' ? { ...facts, mode: facts.mode | 0o444 } : facts };
}

/** What makes lines reachable that are not. */
async function remedy({ error }: GpioChoice, { system, subject }: DoctorContext): Promise<string> {
  const node = (await nodeOf('sysfs', system)) ?? (await nodeOf('chardev', system));
  if (codeOf(error) === 'bus.permission' && node) return groupFix(system.files, subject, node.facts, 'gpio');
  if (codeOf(error) === 'bus.package' || node) return 'sudo apt install gpiod';
  return 'run on the board, or try it without: sedge run --simulate';
}

/** What is wrong with GPIO as a whole; undefined if nothing is. */
export async function gpioTrouble(context: DoctorContext): Promise<Finding | undefined> {
  const { system, subject } = context;
  const choice = await chooseGpio(undefined, {}, gpioEnvironment(system));
  if (choice.backend === 'none') {
    const because = codeOf(choice.error) === 'bus.missing' ? ({ because: 'absent' } as const) : {};
    return fault(`GPIO lines cannot be reached: ${choice.why}`, { fix: await remedy(choice, context), ...because });
  }
  // The service's user may be somebody else than who asks.
  const node = await nodeOf(choice.backend, system);
  if (!node || mayUse(subject, node.facts)) return undefined;
  return fault(`${subject.name} may not use ${node.path}`, {
    fix: await groupFix(system.files, subject, node.facts, 'gpio'),
  });
}

export const gpioCheck: Check = {
  id: 'gpio',
  async run(context) {
    if (isBroken(context.configuration)) return [];
    const isNeeded = context.configuration.config?.sensors.some(({ place }) => place.bus === 'gpio') ?? false;
    const trouble = await gpioTrouble(context);
    if (trouble) return [isNeeded ? trouble : ok(`no GPIO line is configured (${trouble.message})`)];
    const { backend, why } = await chooseGpio(undefined, {}, gpioEnvironment(context.system));
    return [ok(`lines go through ${backend}: ${why}`)];
  },
};
