/** The lockfile names no host, pins everything, and holds nothing that refuses the oldest Node we support. */
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const { engines, dependencies, devDependencies, optionalDependencies } = packages[''];
const oldest = /(\d+)\.(\d+)/.exec(engines.node).slice(1).map(Number);
const problems = [];
/** Prebuilt files for other machines that the registry at hand did not carry, so their hashes could not be recorded. */
const WITHOUT_HASH = /^node_modules\/node-unix-socket-(darwin|linux-arm)/;

/** Whether one comparator set (`^20.19.0`, `>=18 <21`, `20 || >=22`) allows the oldest Node. Knows the forms that npm packages use. */
function allows(range) {
  return range.split('||').some((set) =>
    set
      .trim()
      .replaceAll(/(>=|<=|>|<|\^|~)\s+/g, '$1')
      .split(/\s+/)
      .every((part) => {
        const match = /^(>=|<=|>|<|\^|~|=)?v?(\d+|x|\*)(?:\.(\d+|x|\*))?/.exec(part);
        if (!match || part === '*') return true;
        const [, operator = '', majorText, minorText] = match;
        if (majorText === '*' || majorText === 'x') return true;
        const [major, minor] = [Number(majorText), Number(minorText) || 0];
        const order = oldest[0] - major || oldest[1] - minor;
        if (operator === '>=') return order >= 0;
        if (operator === '>') return order > 0 || (order === 0 && minorText !== undefined);
        if (operator === '<') return order < 0;
        if (operator === '<=') return oldest[0] <= major;
        return oldest[0] === major && (operator === '~' ? oldest[1] === minor : oldest[1] >= minor);
      }),
  );
}

for (const [path, entry] of Object.entries(packages)) {
  if (path === '') continue;
  if (entry.resolved && /^https?:/.test(entry.resolved))
    problems.push(`${path}: names a host: ${new URL(entry.resolved).host}`);
  if (!entry.integrity && !entry.link && !entry.inBundle && !WITHOUT_HASH.test(path))
    problems.push(`${path}: has no integrity hash`);
  if (entry.engines?.node && !allows(entry.engines.node))
    problems.push(`${path}: wants Node ${entry.engines.node}, we promise ${engines.node}`);
}
for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
  if (!/^\d+\.\d+\.\d+/.test(range)) problems.push(`package.json: ${name} is not pinned: ${range}`);
}
for (const problem of problems) console.error(problem);
console.log(`lockfile: ${Object.keys(packages).length - 1} packages, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
