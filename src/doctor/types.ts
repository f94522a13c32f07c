/**
 * What a check is, what it finds, and what it is given. A check is data with a function: it reads, it changes nothing, and
 * all it knows of the machine comes from its context.
 */
import type { Buses } from '../bus/buses.ts';
import type { Clock } from '../clock.ts';
import type { Config, Problem } from '../config/types.ts';
import type { ServiceReport } from '../status/report.ts';
import type { System } from '../system.ts';

export type State = 'ok' | 'warning' | 'fault';

export interface Finding {
  /** Which of several things of a kind: a sensor, a bus, an uplink. */
  readonly about?: string;
  readonly state: State;
  /** One sentence. */
  readonly message: string;
  /** A command to run, or an edit to make, to be followed literally. */
  readonly fix?: string;
  /** Something that is needed is not there (bus, sensor, broker), or the configuration is wrong: the exit status. */
  readonly because?: 'absent' | 'configuration';
}

/** The configuration as far as there is one. */
export interface Configuration {
  /** As the user named it; undefined if none was found. */
  readonly file?: string;
  /** Absolute. */
  readonly path?: string;
  readonly text?: string;
  readonly config?: Config;
  readonly problems: readonly Problem[];
  /** Why none was found. */
  readonly missing?: string;
}

/** There is a file, but what it asks for is not known: what hangs on that is not looked at. */
export const isBroken = ({ file, config }: Configuration): boolean => file !== undefined && config === undefined;

/** Who uses buses and files in the end: the service's user for its configuration, else who asks. */
export interface Subject {
  readonly name: string;
  readonly uid: number;
  readonly gids: readonly number[];
  readonly isService: boolean;
}

export interface DoctorContext {
  readonly system: System;
  readonly configuration: Configuration;
  readonly subject: Subject;
  /** Another process holds the journal: it reads the sensors, and nothing may come between. */
  readonly running: boolean;
  /** What that process says, where it may be asked. */
  readonly service?: ServiceReport;
  readonly buses: Buses;
  readonly clock: Clock;
  readonly builtAtMs: number;
  readonly signal: AbortSignal;
}

export interface Check {
  readonly id: string;
  run(context: DoctorContext): Promise<readonly Finding[]>;
}

type More = Omit<Finding, 'state' | 'message'>;
const finding =
  (state: State) =>
  (message: string, more: More = {}): Finding => ({ state, message, ...more });

export const ok = finding('ok');
export const warning = finding('warning');
export const fault = finding('fault');

/** Our errors say `what is wrong: what to do`; a fix is the second half. */
export function halves(sentence: string): { readonly what: string; readonly remedy?: string } {
  const at = sentence.lastIndexOf(': ');
  const remedy = sentence.slice(at + 2).replace(/\.$/, '');
  // Not inside of what is quoted.
  if (at < 0 || /[{}`]/.test(remedy)) return { what: sentence };
  return { what: sentence.slice(0, at), remedy };
}
