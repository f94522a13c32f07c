/** As much of JSON Schema draft-7 as the schema of the configuration uses, so that a test can hold a document against it. */
import type { JsonSchema } from '../../src/config/json-schema.ts';

const KEYWORDS = new Set(
  `$schema $ref title description default definitions type enum const pattern minimum maximum properties required
   additionalProperties patternProperties items anyOf oneOf allOf not if then dependencies`.split(/\s+/),
);
const typeOf = (value: unknown): readonly string[] => {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  return Number.isInteger(value) ? ['integer', 'number'] : [typeof value];
};
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Every place where the value breaks the schema; throws for a keyword it does not know. */
export function violations(root: JsonSchema, value: unknown, schema: JsonSchema = root, path = '$'): readonly string[] {
  for (const keyword of Object.keys(schema)) if (!KEYWORDS.has(keyword)) throw new Error(`unknown keyword ${keyword}`);
  if (typeof schema.$ref === 'string') {
    const target = (root.definitions as Record<string, JsonSchema>)[schema.$ref.replace('#/definitions/', '')];
    if (!target) throw new Error(`no definition ${schema.$ref}`);
    return violations(root, value, target, path);
  }
  const found: string[] = [];
  const inner = (part: unknown, at = value, where = path) => violations(root, at, part as JsonSchema, where);
  const holds = (part: unknown) => inner(part).length === 0;
  const { type, pattern, minimum, maximum, anyOf, oneOf, allOf } = schema;
  if (type !== undefined && ![type].flat().some((one) => typeOf(value).includes(String(one))))
    found.push(`${path} type`);
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => same(one, value))) found.push(`${path} enum`);
  if ('const' in schema && !same(schema.const, value)) found.push(`${path} const`);
  if (typeof value === 'string' && pattern !== undefined && !new RegExp(String(pattern), 'u').test(value)) {
    found.push(`${path} pattern`);
  }
  if (typeof value === 'number' && (value < Number(minimum ?? value) || value > Number(maximum ?? value))) {
    found.push(`${path} range`);
  }
  if (Array.isArray(anyOf) && !anyOf.some(holds)) found.push(`${path} anyOf`);
  if (Array.isArray(oneOf) && oneOf.filter(holds).length !== 1) found.push(`${path} oneOf`);
  if (Array.isArray(allOf)) found.push(...allOf.flatMap((part) => inner(part)));
  if ('not' in schema && holds(schema.not)) found.push(`${path} not`);
  if ('if' in schema && holds(schema.if)) found.push(...inner(schema.then));
  if (Array.isArray(value) && schema.items)
    found.push(...value.flatMap((item, at) => inner(schema.items, item, `${path}[${at}]`)));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return found;

  const properties = (schema.properties ?? {}) as Record<string, unknown>;
  const patterns = Object.entries((schema.patternProperties ?? {}) as Record<string, unknown>);
  for (const key of (schema.required ?? []) as string[])
    if (!Object.hasOwn(value, key)) found.push(`${path}.${key} required`);
  for (const [key, others] of Object.entries((schema.dependencies ?? {}) as Record<string, string[]>)) {
    if (Object.hasOwn(value, key) && !others.every((other) => Object.hasOwn(value, other)))
      found.push(`${path}.${key} needs`);
  }
  for (const [key, part] of Object.entries(value)) {
    const where = `${path}.${key}`;
    const matching = patterns.filter(([one]) => new RegExp(one, 'u').test(key));
    if (Object.hasOwn(properties, key)) found.push(...inner(properties[key], part, where));
    for (const [, one] of matching) found.push(...inner(one, part, where));
    if (schema.additionalProperties === false && !Object.hasOwn(properties, key) && matching.length === 0) {
      found.push(`${where} unknown`);
    }
  }
  return found;
}
