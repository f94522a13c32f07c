/** `sedge doctor`: what is wrong between the chips and the broker, and the exact remedy. Changes nothing. */
import { type Buses, realBuses } from '../bus/buses.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config/types.ts';
import { subjectOf } from '../doctor/access.ts';
import { CHECKS } from '../doctor/checks.ts';
import { diagnose } from '../doctor/diagnose.ts';
import { gpioEnvironment } from '../doctor/gpio.ts';
import { diagnosisJson, diagnosisText } from '../doctor/report.ts';
import type { Configuration, Finding } from '../doctor/types.ts';
import { codeOf, messageOf } from '../errors.ts';
import { isLocked } from '../journal/lock.ts';
import { askService } from '../status/client.ts';
import type { ServiceReport } from '../status/report.ts';
import { realSystem, type System, systemFiles } from '../system.ts';
import { BUILT_AT_MS } from '../version.ts';
import { type Command, type CommandIo, EXIT } from './command.ts';
import { CONFIG_HELP, CONFIG_OPTION, existingConfig } from './configuration.ts';
import { serviceWith } from './status.ts';

/** The machine, for tests to give another. */
export interface Machine {
  readonly system: System;
  readonly buses: Buses;
  readonly clock: Clock;
  readonly builtAtMs: number;
  /** What a running service with this configuration says of itself. */
  ask(config: Config): Promise<ServiceReport | undefined>;
}

function thisMachine(env: NodeJS.ProcessEnv): Machine {
  const system = realSystem(env);
  const clock = systemClock;
  const buses = realBuses({ clock, gpio: gpioEnvironment(system) });
  const ask = async ({ journal, file }: Config) =>
    askService(await serviceWith(journal.directory, file, { env })).then(
      ({ report }) => report,
      () => undefined,
    );
  return { system, clock, builtAtMs: BUILT_AT_MS, buses, ask };
}

async function configurationOf(given: unknown, io: Pick<CommandIo, 'env' | 'cwd'>): Promise<Configuration> {
  try {
    const found = await existingConfig(typeof given === 'string' ? given : undefined, io);
    const text = await systemFiles().text(found.path);
    return { problems: [], ...found, ...(text !== undefined && { text }) };
  } catch (error) {
    if (codeOf(error) !== 'config.missing') throw error;
    return { problems: [], missing: messageOf(error) };
  }
}

export function statusOf(found: readonly Finding[]): number {
  const faults = found.filter(({ state }) => state === 'fault');
  if (faults.some(({ because }) => because === 'configuration')) return EXIT.config;
  if (faults.some(({ because }) => because === 'absent')) return EXIT.unavailable;
  return faults.length > 0 ? EXIT.failed : EXIT.done;
}

export const doctorOf = (machine: (env: NodeJS.ProcessEnv) => Machine): Command => ({
  name: 'doctor',
  summary: 'Finds what is wrong between the chips and the broker, and says the exact remedy.',
  usage: 'sedge doctor [--json] [--config FILE]',
  help: `${CONFIG_HELP}
      --json         an array of {"check", "state", "message", "fix"}

Each line is ok, a warning or a fault, with the command or the edit that mends it. Looks at Node and
its packages, configuration, clock, card, journal, I2C and GPIO, kernel drivers, each sensor (opened
once), each broker (a message that comes back) and the service. Changes nothing; while the service
runs it does not touch the sensors.
Exit status: 0 no fault, 1 a fault, 69 a bus, sensor or broker is missing, 78 the configuration is wrong.`,
  options: { ...CONFIG_OPTION, json: { type: 'boolean' } },
  maxPositionals: 0,
  async run(io, { values }) {
    const { system, buses, clock, builtAtMs, ask } = machine(io.env);
    const configuration = await configurationOf(values.config, io);
    const { config } = configuration;
    const running = config !== undefined && (await isLocked(config.journal.directory));
    const service = config && running ? await ask(config) : undefined;
    const found = await diagnose(CHECKS, {
      system,
      configuration,
      buses,
      clock,
      builtAtMs,
      subject: await subjectOf(system.files, system.user, configuration.path),
      running,
      ...(service && { service }),
      signal: io.signal,
    });
    await buses.close();
    const colour = io.stdout.isTTY === true && !io.env.NO_COLOR;
    io.stdout.write(values.json === true ? diagnosisJson(found) : diagnosisText(found, { colour }));
    return statusOf(found);
  },
});

export const doctor: Command = doctorOf(thisMachine);
