/** Files made to harm, and secrets that must not come out. */
import { describe, expect, it } from 'vitest';
import { formatProblem, parseConfig } from '../../src/config/load.ts';
import { configOf, oneSensor, problemsOf, surroundings } from './help.ts';

describe('a hostile file', () => {
  it('pollutes no prototype', async () => {
    const text = [
      'version: 1',
      '__proto__: { polluted: 1 }',
      'constructor: { prototype: { polluted: 1 } }',
      'sensors: { __proto__: { driver: host, every: 1s }, s: { driver: host, every: 1s, options: { __proto__: { x: 1 } } } }',
      'simulation: { faults: { __proto__: [ { kind: nack, rate: 1 } ] } }',
    ].join('\n');
    expect(await problemsOf(text)).toHaveLength(5);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(({} as Record<string, unknown>).driver).toBeUndefined();
  });
  it('may call a sensor constructor, which is then nothing but a sensor', async () => {
    const { sensors, simulation } = await configOf(
      'version: 1\nsensors: { constructor: { driver: host, every: 1s } }\n',
    );
    expect(sensors[0]!.id).toBe('constructor');
    expect(simulation.faults.constructor).toBeUndefined();
  });
  it('cannot name a driver or option that every object has', async () => {
    expect(await problemsOf(oneSensor('driver: constructor, every: 1s'))).toHaveLength(1);
    expect(await problemsOf(oneSensor('driver: bme280, every: 1s, options: { toString: 1 }'))).toHaveLength(1);
    expect(await problemsOf(oneSensor('driver: bme280, every: 1s, filters: { constructor: [] }'))).toHaveLength(1);
  });
  it('with a billion laughs ends at once', async () => {
    const levels = Array.from({ length: 12 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n}, `.repeat(9)}*l${n}]`);
    const text = `version: 1\nl0: &l0 [ha]\n${levels.join('\n')}\nsensors: *l12\n`;
    const startedMs = performance.now();
    expect((await problemsOf(text)).length).toBeGreaterThan(0);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });
  it('with an alias to itself ends', async () => {
    expect(await problemsOf('version: 1\nsensors: &s { a: *s }\n')).not.toEqual([]);
    expect(await problemsOf('version: 1\nsensors: &s *s\n')).not.toEqual([]);
  });
  it('with more aliases than anybody needs is refused', async () => {
    const many = Array.from({ length: 150 }, (_, n) => `  s${n}: { driver: mock, every: *e }`).join('\n');
    const problems = await problemsOf(`version: 1\nclock: { wait: &e 1m }\nsensors:\n${many}\n`);
    expect(problems).toEqual([expect.stringContaining('at most 100')]);
  });
  it('with control characters is refused in one sentence', async () => {
    expect(await problemsOf('version: 1\ndevice: a\0b\n')).toEqual([
      '2:10: a control character is not possible in YAML, delete it',
    ]);
    expect(await problemsOf('version: 1\ndevice: "a\\0b"\n')).toHaveLength(1);
  });
  it('keeps each problem on one line', async () => {
    const [problem] = await problemsOf('version: 1\n"a\\nb: \\u001b[31m": 1\n');
    expect(problem).toMatch(/^2:1: "a\\nb: \\u001b\[31m": unknown key/);
  });
  it('with keys that are no text is refused', async () => {
    expect(await problemsOf('version: 1\n? [a]\n: 1\n')).toEqual(['2:3: a key must be plain text']);
    expect(await problemsOf('version: 1\n: 1\n')).toHaveLength(1);
  });
  it('nested without end ends', async () => {
    expect(await problemsOf(`version: 1\ndevice: ${'['.repeat(5_000)}`)).toEqual([
      expect.stringContaining('nested too deeply'),
    ]);
  });
});

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the file's own syntax
describe('a secret never appears in a message', () => {
  const CANARY = 'kanarienvogel';
  it.each([
    [`password: "${CANARY}`, {}],
    [`password: ${CANARY}: x`, {}],
    [`password: [${CANARY}]`, {}],
    [`password: "x" ${CANARY}`, {}],
    [`pasword: ${CANARY}`, {}],
    [`password: 4711${CANARY}\n    password: ${CANARY}`, {}],
    ['url2: ${SECRET}', { SECRET: CANARY }],
    ['password_file: ${SECRET}', { SECRET: CANARY }],
    ['keepalive: ${SECRET}', { SECRET: CANARY }],
    ['client_id: ""\n    ca_file: ${SECRET}${NOT_SET}', { SECRET: CANARY }],
  ])('%j', async (line, env) => {
    const text = `version: 1\nuplinks:\n  c:\n    type: mqtt\n    url: mqtt://u:${CANARY}@b/x\n    username: u\n    ${line}\n`;
    const result = await parseConfig(text, { ...surroundings, env });
    const messages = 'problems' in result ? result.problems.map(formatProblem) : [];
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.join('\n')).not.toContain(CANARY);
  });
  it('nor does a number that should have been quoted', async () => {
    const [problem] = await problemsOf(
      'version: 1\nuplinks: { c: { type: mqtt, url: "mqtt://b", username: u, password: 123456 } }\n',
    );
    expect(problem).toContain('quote it');
    expect(problem).not.toContain('123456');
  });
});
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the file's own syntax
