/**
 * The audit gate: known vulnerabilities in what a production install holds, by `npm audit --omit=dev`. Any of them fails. When the
 * service cannot be reached, nothing is known; that is said and does not fail, since it says nothing about the change at hand.
 *
 * `--report FILE` judges a report that `npm audit --json` wrote before.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const TIMEOUT_MS = 60_000;
const { values } = parseArgs({ options: { report: { type: 'string' } } });

function ask() {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
    cwd,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  return stdout ?? '';
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

const { vulnerabilities, message, error } = parsed(
  values.report === undefined ? ask() : readFileSync(values.report, 'utf8'),
);
if (vulnerabilities === undefined) {
  // The answer may name the registry at hand, which is nobody's business.
  const reason = String(message ?? error?.summary ?? '')
    .replaceAll(/\S*:\/\/\S*/g, '(address)')
    .trim();
  console.log(
    `audit: the service cannot be reached, so nothing is known of vulnerabilities${reason ? `: ${reason}` : ''}`,
  );
} else {
  const found = Object.values(vulnerabilities);
  for (const { name, severity, range } of found)
    console.error(`${name} ${range}: ${severity}; npm audit --omit=dev says more`);
  console.log(`audit: ${found.length} production packages with a known vulnerability`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
