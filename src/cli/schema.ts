/** `sedge schema`: prints the JSON Schema of the configuration, for editors. */
import { drivers } from '../../drivers/index.ts';
import { jsonSchema } from '../config/json-schema.ts';
import { configSpec } from '../config/spec.ts';
import { type Command, EXIT } from './command.ts';

/** The text that the command prints. */
export const schemaText = (): string =>
  `${JSON.stringify(jsonSchema(configSpec({ table: drivers, files: new Map() })), undefined, 2)}\n`;

export const schema: Command = {
  name: 'schema',
  summary: 'Prints the JSON Schema (draft-7) of the configuration.',
  usage: 'sedge schema',
  help: `Editors complete and check the file with it: keep the output beside the configuration and begin that with
  # yaml-language-server: $schema=./sedge.schema.json
`,
  options: {},
  maxPositionals: 0,
  async run(io) {
    io.stdout.write(schemaText());
    return EXIT.done;
  },
};
