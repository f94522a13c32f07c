/** Every command that is built, in the order in which help lists them. */
import { check } from './check.ts';
import type { Command } from './command.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { driversCommand } from './drivers.ts';
import { journal } from './journal.ts';
import { read } from './read.ts';
import { receive } from './receive.ts';
import { run } from './run.ts';
import { scan } from './scan.ts';
import { schema } from './schema.ts';
import { service } from './service.ts';
import { status } from './status.ts';

export const COMMANDS: readonly Command[] = [
  demo,
  run,
  check,
  read,
  receive,
  scan,
  doctor,
  status,
  journal,
  driversCommand,
  schema,
  service,
];
