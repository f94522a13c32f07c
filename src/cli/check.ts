/** `sedge check`: every problem of the configuration at once, on stderr; one line on stdout when there is none. */
import type { Config } from '../config/types.ts';
import { type Command, EXIT } from './command.ts';
import { CONFIG_HELP, CONFIG_OPTION, requireConfig } from './configuration.ts';

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const summaryOf = ({ sensors, uplinks }: Config): string =>
  `${counted(sensors.length, 'sensor')}, ${counted(uplinks.length, 'uplink')}`;

export const check: Command = {
  name: 'check',
  summary: 'Checks the configuration; touches no bus, broker or journal.',
  usage: 'sedge check [--config FILE]',
  help: `${CONFIG_HELP}

Prints every problem as FILE:LINE:COLUMN: KEY: what is wrong, and ends with 78 if there is one.
`,
  options: CONFIG_OPTION,
  maxPositionals: 0,
  async run(io, { values }) {
    const found = await requireConfig(values.config, io);
    if (!found) return EXIT.config;
    for (const warning of found.config.warnings) io.stderr.write(`warning: ${warning}\n`);
    io.stdout.write(`${found.file}: valid: ${summaryOf(found.config)}\n`);
    return EXIT.done;
  },
};
