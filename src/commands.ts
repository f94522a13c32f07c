/**
 * What may be asked of a running station from outside: a read now, another interval, a reload, its health, its journal.
 * Nothing here runs a shell, writes a file or changes credentials; what it changes lasts until
 * the program starts again.
 */
import type { PackedReading } from './codec.ts';
import { DURATION, parseAmount } from './config/units.ts';
import { SedgeError } from './errors.ts';
import type { Measuring } from './measuring.ts';
import type { CommandArguments, CommandOutcome, CommandPort, CommandVerb, KeptAnswer } from './uplink/types.ts';

/** Answers that wait for the next connection: enough for one reload and those who asked beside it. */
const MAX_KEPT = 4;

export interface CommandParts {
  readonly measuring: Pick<Measuring, 'read' | 'setInterval' | 'catalogue'>;
  /** The reading's time, as it is published. */
  timeOf(reading: PackedReading): string;
  /** The catalogue has another interval. */
  onInterval(): void;
  /** Undefined where nothing can be loaded again. */
  readonly reload?: () => Promise<ReloadOutcome>;
  health(): Promise<object>;
  journal(): Promise<object>;
}

/** What a reload came to: what was done, one phrase each, or why nothing was. */
export type ReloadOutcome =
  | { readonly done: readonly string[] }
  | { readonly refused: string; readonly problems: readonly string[] };

/** The port of each uplink: always the same one for a name. */
export function createCommands(parts: CommandParts): (uplink: string) => CommandPort {
  const ports = new Map<string, CommandPort>();
  return (uplink) => {
    const port = ports.get(uplink) ?? createPort(parts);
    ports.set(uplink, port);
    return port;
  };
}

function createPort(parts: CommandParts): CommandPort {
  const answers: KeptAnswer[] = [];
  let taker: ((answer: KeptAnswer) => void) | undefined;
  const actions: Readonly<Record<CommandVerb, (given: CommandArguments) => Promise<CommandOutcome>>> = {
    async read(given) {
      const sensor = sensorOf(given);
      const reading = await parts.measuring.read(sensor);
      if (!reading) return { data: { sensor, values: {} } };
      const { durationMs } = reading;
      const values: unknown = JSON.parse(reading.valuesJson);
      const duration = durationMs === undefined ? {} : { duration_ms: durationMs };
      return { data: { time: parts.timeOf(reading), sensor, values, ...duration } };
    },
    async interval(given) {
      const sensor = sensorOf(given);
      await parts.measuring.setInterval(sensor, everyMsOf(given));
      parts.onInterval();
      const { every_ms, cron, remote_interval } = parts.measuring.catalogue()[sensor] ?? {};
      return { data: { sensor, every_ms, cron, remote_interval } };
    },
    async reload() {
      if (!parts.reload)
        throw new SedgeError('command.reload', 'This station has no configuration file to load again.');
      const outcome = await parts.reload();
      if ('done' in outcome) return { data: { done: outcome.done } };
      return { data: { problems: outcome.problems }, error: outcome.refused };
    },
    health: async () => ({ data: await parts.health() }),
    journal: async () => ({ data: await parts.journal() }),
  };
  return {
    run: (verb, given) => actions[verb](given),
    keep(answer) {
      if (taker) taker(answer);
      else answers.push(answer);
      if (answers.length > MAX_KEPT) answers.shift();
    },
    handOver(to, signal) {
      if (signal.aborted) return;
      taker = to;
      signal.addEventListener('abort', () => {
        if (taker === to) taker = undefined;
      });
      answers.splice(0).forEach(to);
    },
  };
}

function sensorOf({ sensor }: CommandArguments): string {
  if (typeof sensor === 'string') return sensor;
  throw new SedgeError('command.arguments', 'The request names no sensor: add "sensor":"<id>".');
}

/** Undefined: the configured schedule again. */
function everyMsOf({ every, every_ms: everyMs }: CommandArguments): number | undefined {
  if (every !== undefined && everyMs !== undefined)
    throw new SedgeError('command.arguments', 'The request has `every` and `every_ms`: keep one of them.');
  if (every === null || everyMs === null) return undefined;
  if (typeof everyMs === 'number') return everyMs;
  const parsed = typeof every === 'string' ? parseAmount(every, DURATION) : undefined;
  if (parsed && 'value' in parsed) return parsed.value;
  const why = parsed
    ? `\`every\` ${parsed.wrong}.`
    : 'The request says no interval: add "every":"30s", or null for the configured one.';
  throw new SedgeError('command.arguments', why);
}
