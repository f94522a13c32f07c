/** The check of the configuration: found, valid, its warnings, and who may read it and the passwords. */
import { dirname, resolve } from 'node:path';
import { formatProblem } from '../config/load.ts';
import { MAY_BE_CHANGED, MAY_BE_READ, secretsIn } from '../config/secrets.ts';
import { systemFiles } from '../system.ts';
import { mayRead, othersMayRead, othersMayWrite } from './access.ts';
import { type Check, type DoctorContext, type Finding, fault, ok, warning } from './types.ts';

/** Hidden from the service by ProtectHome=. */
const HIDDEN = /^\/(home|root|run\/user)(\/|$)/;
/** The user's files are where they say, whatever the root of the system. */
const OWN_FILES = systemFiles();
const CONFIGURATION = { because: 'configuration' } as const;

export const configurationCheck: Check = {
  id: 'configuration',
  async run(context) {
    const { file, config, problems, missing } = context.configuration;
    if (file === undefined)
      return [
        fault(missing ?? 'no configuration was found', {
          ...CONFIGURATION,
          fix: 'sudo sedge service install   (writes a first one), or write sedge.yaml here: sedge drivers bme280 shows how',
        }),
      ];
    const wrong = problems.map((problem) =>
      fault(formatProblem(problem), {
        ...CONFIGURATION,
        fix: problem.message.includes('may not be read by this user')
          ? `sudo sedge doctor --config ${file}`
          : `correct ${file}${problem.line === undefined ? '' : ` in line ${problem.line}`}, then sedge check --config ${file}`,
      }),
    );
    const sensors = config?.sensors.length ?? 0;
    const valid = config ? [ok(`${file} is valid: sensors: ${sensors}, uplinks: ${config.uplinks.length}`)] : [];
    // Said below with the file's name and the exact command.
    const warnings = (config?.warnings ?? []).filter(
      (text) => !text.includes(MAY_BE_READ) && !text.includes(MAY_BE_CHANGED),
    );
    return [
      ...wrong,
      ...valid,
      ...warnings.map((text) => warning(text, { fix: `edit ${file}, then sedge check --config ${file}` })),
      ...(await modes(context)),
    ];
  },
};

async function modes({ configuration, subject }: DoctorContext): Promise<readonly Finding[]> {
  const { path, text } = configuration;
  if (path === undefined || text === undefined) return [];
  const secrets = secretsIn(text);
  const close = (file: string) =>
    subject.isService ? `sudo chgrp ${subject.name} ${file} && sudo chmod 640 ${file}` : `chmod 600 ${file}`;
  const found: Finding[] = [];
  const look = async (file: string, isSecret: boolean, what = 'password') => {
    const facts = await OWN_FILES.facts(file);
    if (!facts) return;
    if (othersMayWrite(facts)) found.push(fault(`every user may change ${file}`, { fix: `sudo chmod o-w ${file}` }));
    if (isSecret && othersMayRead(facts))
      found.push(warning(`${file} holds a ${what} and every user may read it`, { fix: close(file) }));
    else if (subject.isService && HIDDEN.test(file))
      found.push(
        fault(`${file} is where the service does not see it`, {
          fix: `sudo mv ${file} /etc/sedge/, and name it there`,
        }),
      );
    else if (subject.isService && !mayRead(subject, facts))
      found.push(fault(`the service's user ${subject.name} may not read ${file}`, { fix: close(file) }));
  };
  await look(path, secrets.isHere);
  for (const name of secrets.files) await look(resolve(dirname(path), name), true);
  for (const name of secrets.apiFiles) await look(resolve(dirname(path), name), true, 'secret of the API');
  return found;
}
