/**
 * The shape of the program, kept by a test: data flows bus -> driver -> sampler -> pipeline -> journal -> uplink, and a file
 * imports only what design section 2 allows it. A rule that is missing is a failure, not a permission.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drivers } from '../drivers/index.ts';
import { simulations } from '../drivers/sim.ts';

const ROOT = posix.join(import.meta.dirname, '..');
const files = ['src', 'drivers', 'page']
  .flatMap((dir) =>
    readdirSync(posix.join(ROOT, dir), { recursive: true, encoding: 'utf8' }).map((file) => posix.join(dir, file)),
  )
  .filter((file) => file.endsWith('.ts'));

/** The first rule that matches a file says which of our own files it may import. */
const RULES: readonly (readonly [file: RegExp, allowed: RegExp])[] = [
  // Words and time: know nothing of the rest.
  [/^src\/(reading|errors|clock|version|boot-id|fft|import|same-config|hosts)\.ts$/, /^$/],
  [/^src\/vibration\.ts$/, /^src\/fft\.ts$/],
  [/^src\/vibration-features\.ts$/, /^src\/(burst-plan|fft|reading|vibration)\.ts$/],
  [/^src\/burst-plan\.ts$/, /^src\/errors\.ts$/],
  [/^src\/burst\.ts$/, /^src\/(burst-plan|clock)\.ts$/],
  [/^src\/timekeeper\.ts$/, /^src\/(clock|reading)\.ts$/],
  // Buses know bytes and levels, neither drivers nor readings.
  [/^src\/bus\//, /^src\/(errors|clock)\.ts$|^src\/bus\//],
  // What drivers share.
  [/^src\/asking\.ts$/, /^src\/errors\.ts$/],
  [/^src\/(checked-words|stuck)\.ts$/, /^$/],
  [/^src\/kernel-device\.ts$/, /^src\/(errors|reading)\.ts$|^src\/bus\/files\.ts$/],
  [/^src\/gpio-watch\.ts$/, /^src\/clock\.ts$|^src\/bus\/gpio\.ts$/],
  [
    /^src\/driver\.ts$/,
    /^src\/(asking|checked-words|stuck|burst|burst-plan|reading|errors|clock|vibration-features|kernel-device|gpio-watch)\.ts$|^src\/bus\/(i2c|gpio|files)\.ts$/,
  ],
  // A simulation imports the simulated bus only, never its driver; a driver what a driver author imports.
  [/^drivers\/index\.ts$/, /^drivers\/[a-z0-9-]+\.ts$|^src\/driver\.ts$/],
  [/^drivers\/sim\.ts$/, /^drivers\/[a-z0-9-]+\.sim\.ts$|^src\/bus\/sim\.ts$/],
  [/^drivers\/[a-z0-9-]+\.sim\.ts$/, /^src\/bus\/(sim|word-registers|converter|sht21-commands|lowest-raw)\.ts$/],
  // The formulas of a chip that has too many for one file with its driver.
  [/^drivers\/[a-z0-9-]+\.maths\.ts$/, /^$/],
  [/^drivers\/[a-z0-9-]+\.ts$/, /^src\/driver\.ts$|^drivers\/[a-z0-9-]+\.maths\.ts$/],
  // The sampler knows neither buses nor the journal.
  [/^src\/sampler\//, /^src\/(clock|reading|errors|driver)\.ts$|^src\/sampler\//],
  [/^src\/filters\//, /^src\/reading\.ts$|^src\/filters\//],
  // The journal stores bytes.
  [/^src\/journal\//, /^src\/(clock|errors)\.ts$|^src\/journal\//],
  [/^src\/codec\.ts$/, /^src\/reading\.ts$|^src\/journal\/types\.ts$/],
  // How records are packed: integers in few bytes, numbers of a text, and what a reading is.
  [/^src\/varint\.ts$/, /^$/],
  [/^src\/decimals\.ts$/, /^src\/varint\.ts$/],
  [/^src\/block-codec\.ts$/, /^src\/(codec|decimals|varint)\.ts$|^src\/journal\/types\.ts$/],
  [/^src\/batch\.ts$/, /^src\/reading\.ts$|^src\/journal\/types\.ts$/],
  [/^src\/delivery\.ts$/, /^src\/(batch|clock|codec|timekeeper)\.ts$|^src\/journal\/types\.ts$/],
  // An uplink knows neither drivers nor journal files: batches, the catalogue, its configuration.
  [
    /^src\/uplink\//,
    /^src\/(batch|clock|errors|hosts|reading)\.ts$|^src\/(journal|config)\/types\.ts$|^src\/service\/log\.ts$|^src\/uplink\//,
  ],
  // The receiving end of the promise shares nothing with the sending end but the connection and the words.
  [
    /^src\/receive\//,
    /^src\/(clock|errors|reading)\.ts$|^src\/journal\/types\.ts$|^src\/receive\/|^src\/uplink\/(mqtt-[a-z]+|backoff)\.ts$/,
  ],
  [
    /^src\/config\//,
    /^src\/(driver|errors|hosts|import|reading)\.ts$|^src\/config\/|^src\/(sampler\/types|filters\/filters|bus\/(gpio|faults))\.ts$/,
  ],
  // Text on a terminal: knows figures and states, and nothing of where they come from.
  [/^src\/terminal\//, /^src\/terminal\//],
  // A running service as data and as a table. It is given what it reports.
  [
    /^src\/status\//,
    /^src\/(clock|errors|reading|sensors)\.ts$|^src\/(config|journal|sampler|uplink)\/types\.ts$|^src\/service\/status-place\.ts$|^src\/(status|terminal)\//,
  ],
  [/^src\/service\//, /^src\/(clock|errors|version)\.ts$|^src\/service\//],
  [/^src\/pipeline\.ts$/, /^src\/(codec|reading)\.ts$|^src\/filters\/filters\.ts$|^src\/sampler\/types\.ts$/],
  [
    /^src\/station\.ts$/,
    /^src\/bus\/bus-health\.ts$|^src\/(codec|delivery|timekeeper)\.ts$|^src\/(journal|sampler|uplink)\/types\.ts$|^src\/status\/card\.ts$/,
  ],
  [
    /^src\/sensors\.ts$/,
    /^src\/(clock|driver|reading)\.ts$|^src\/bus\/(buses|i2c)\.ts$|^src\/(config|sampler)\/types\.ts$/,
  ],
  [
    /^src\/hardware\.ts$/,
    /^src\/(clock|errors)\.ts$|^src\/bus\/|^src\/config\/(types|user-driver)\.ts$|^drivers\/sim\.ts$/,
  ],
  [
    /^src\/current-journal\.ts$/,
    /^src\/clock\.ts$|^src\/journal\/(failover|types)\.ts$|^src\/config\/types\.ts$|^src\/service\/log\.ts$/,
  ],
  [/^src\/anchors\.ts$/, /^src\/(clock|codec|timekeeper)\.ts$|^src\/journal\/types\.ts$/],
  // Up to a reading: neither journal nor uplinks.
  [
    /^src\/measuring\.ts$/,
    /^src\/(clock|codec|errors|hardware|pipeline|reading|same-config|sensors|timekeeper)\.ts$|^src\/sampler\/(sampler|types)\.ts$|^src\/config\/types\.ts$|^src\/bus\/bus-health\.ts$/,
  ],
  // What may be asked from outside: it knows the sensors, and is given the rest as functions.
  [/^src\/commands\.ts$/, /^src\/(codec|errors|measuring)\.ts$|^src\/config\/units\.ts$|^src\/uplink\/types\.ts$/],
  // From the journal on: neither drivers nor buses.
  [
    /^src\/publishing\.ts$/,
    /^src\/(clock|delivery|same-config|timekeeper)\.ts$|^src\/uplink\/(index|open-hours|rate-limit|selection|types)\.ts$|^src\/(journal|config)\/types\.ts$|^src\/service\/log\.ts$/,
  ],
  [/^src\/waiting\.ts$/, /^src\/(batch|codec|delivery|timekeeper)\.ts$|^src\/journal\/types\.ts$/],
  // The local API is given the station: neither buses, sampler nor journal files.
  [
    /^src\/api\//,
    /^src\/(clock|errors|reading|same-config|waiting)\.ts$|^src\/(config\/(nearest|types)|status\/report|uplink\/types|service\/log)\.ts$|^src\/api\//,
  ],
  // The page runs in a browser: all it knows of the program is what a report looks like.
  [/^page\//, /^page\/|^src\/status\/report\.ts$/],
  // Looking at the system and its wires: neither runtime nor commands.
  [/^src\/system\.ts$/, /^$/],
  [/^src\/scan\//, /^src\/(clock|driver|errors|system)\.ts$|^src\/(bus|scan)\//],
  [
    /^src\/doctor\//,
    /^src\/(block-codec|clock|codec|delivery|errors|sensors|system|timekeeper)\.ts$|^src\/(bus|config|doctor|journal|scan|uplink)\/|^src\/status\/(card|report)\.ts$|^src\/sampler\/deadline\.ts$|^src\/service\/install\.ts$|^drivers\/index\.ts$/,
  ],
  // Only these join the parts.
  [/^src\/runtime\.ts$/, /^src\/(?!main\.ts|cli\/|demo\/|receive\/)/],
  [/^src\/demo\//, /^src\/(?!main\.ts|cli\/)|^drivers\/index\.ts$/],
  [/^src\/cli\//, /^src\/(?!main\.ts)|^drivers\/index\.ts$/],
  [/^src\/main\.ts$/, /^src\/(cli\/(command|index)|config\/nearest|errors|version)\.ts$/],
];

const IMPORT = /(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)'(\.[^']+)'/gm;
const importsOf = (file: string): string[] =>
  [...readFileSync(posix.join(ROOT, file), 'utf8').matchAll(IMPORT)].map((match) =>
    posix.join(posix.dirname(file), match[1]!),
  );

describe.each(files)('%s', (file) => {
  it('imports only what its place allows', () => {
    const allowed = RULES.find(([pattern]) => pattern.test(file))?.[1];
    expect(allowed, 'no rule covers this file').toBeDefined();
    expect(importsOf(file).filter((target) => !allowed!.test(target))).toEqual([]);
  });

  it('is about one thing: a head that says what, and about 300 lines at most', () => {
    const text = readFileSync(posix.join(ROOT, file), 'utf8');
    expect(text).toMatch(/^\/\*\*/);
    expect(text.split('\n').length).toBeLessThanOrEqual(310);
  });
});

describe('the tables of drivers and simulations', () => {
  const names = files
    .flatMap((file) => /^drivers\/([a-z0-9-]+)\.ts$/.exec(file)?.[1] ?? [])
    .filter((name) => !['index', 'sim'].includes(name));

  it('hold every driver file under its own id', () => {
    expect(Object.keys(drivers).sort()).toEqual(names.sort());
    for (const [name, driver] of Object.entries(drivers)) expect(driver.id).toBe(name);
  });

  it('hold a simulation for every driver of hardware', () => {
    // These stay real under simulation.
    const hardware = Object.values(drivers).filter(({ id }) => id !== 'host' && id !== 'mock');
    expect(Object.keys(simulations).sort()).toEqual(hardware.map(({ id }) => id).sort());
  });
});

it('only main.ts ends the process', () => {
  const enders = files.filter((file) =>
    /process\.(exit|abort)\b|process\.exitCode/.test(readFileSync(posix.join(ROOT, file), 'utf8')),
  );
  expect(enders).toEqual(['src/main.ts']);
});

it('there is one class in the program', () => {
  const classes = files.filter((file) =>
    /^(export )?(abstract )?class /m.test(readFileSync(posix.join(ROOT, file), 'utf8')),
  );
  expect(classes).toEqual(['src/errors.ts']);
});
