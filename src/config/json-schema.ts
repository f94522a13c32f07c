/**
 * The description of the configuration as a JSON Schema (draft-7), for editors and other programs. What a schema cannot
 * say (two sensors at one place, a file that is not there) is left to the checker; nothing that the checker accepts is
 * refused here.
 */
import { AMOUNTS, defaultOf, hexAddress, rangeOf } from './describe.ts';
import { type ObjectSpec, partsOf, type ScalarSpec, type Spec } from './shape.ts';

export type JsonSchema = { readonly [key: string]: unknown };

/** A value that holds `${NAME}` may stand anywhere. */
const VARIABLE = { $ref: '#/definitions/variable' };
const HAS_VARIABLE = '\\$\\{';

const bounds = ({ min, max }: { readonly min?: number; readonly max?: number }): JsonSchema => ({
  ...(min !== undefined && { minimum: min }),
  ...(max !== undefined && { maximum: max }),
});
const orVariable = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, VARIABLE] });

function scalarSchema(spec: ScalarSpec): JsonSchema {
  switch (spec.kind) {
    case 'number':
    case 'integer':
      return orVariable({ type: spec.kind, ...bounds(spec) });
    case 'boolean':
      return orVariable({ type: 'boolean' });
    case 'choice':
      return orVariable({ enum: spec.choices });
    case 'off':
      return { enum: ['off', false] };
    case 'address':
      return orVariable(spec.choices ? { enum: spec.choices } : { type: 'integer', minimum: 0x03, maximum: 0x77 });
    case 'duration':
    case 'size':
    case 'rate': {
      const units = Object.keys(AMOUNTS[spec.kind].units).join('|');
      return { type: 'string', pattern: `^[0-9]+(\\.[0-9]+)?(${units})$|${HAS_VARIABLE}` };
    }
    case 'string':
    case 'file':
      return { type: 'string' };
    case 'text': {
      const text = { type: 'string', ...(spec.pattern && { pattern: `${spec.pattern}|${HAS_VARIABLE}` }) };
      return spec.known ? { anyOf: [{ enum: spec.known }, text] } : text;
    }
  }
}

/** "Reads at this interval. (10ms to 366d)" */
function description(spec: Spec): string {
  const isNumber = spec.kind === 'number' || spec.kind === 'integer';
  const addresses = spec.kind === 'address' && spec.choices ? spec.choices.map(hexAddress).join(', ') : '';
  const facts = [isNumber ? '' : rangeOf(spec), addresses].filter((fact) => fact !== '');
  return facts.length > 0 ? `${spec.doc} (${facts.join('; ')})` : spec.doc;
}

/** Parts that are written once and referred to. */
interface Refs {
  readonly shared: ReadonlySet<Spec>;
  readonly names: Map<Spec, string>;
  readonly definitions: Record<string, JsonSchema>;
}

function objectSchema(spec: ObjectSpec, refs: Refs): JsonSchema {
  const rules: JsonSchema[] = [];
  for (const { keys, one } of spec.exclusive ?? []) {
    const each = keys.map((key) => ({ required: [key] }));
    if (one) rules.push({ oneOf: each });
    else rules.push({ not: { required: keys } });
  }
  const dependencies: Record<string, string[]> = {};
  for (const [key, other] of spec.needs ?? []) dependencies[key] = [...(dependencies[key] ?? []), other];
  return {
    // An empty mapping is what stands under a key whose lines are all comments.
    type: spec.required ? 'object' : ['object', 'null'],
    properties: Object.fromEntries(Object.entries(spec.keys).map(([key, part]) => [key, schemaOf(part, refs, key)])),
    ...(spec.open ? {} : { additionalProperties: false }),
    ...(spec.required && { required: spec.required }),
    ...(rules.length > 0 && { allOf: rules }),
    ...(spec.needs && { dependencies }),
  };
}

const when = (condition: JsonSchema, result: JsonSchema): JsonSchema => ({
  if: condition,
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own keyword, in data that nobody awaits
  then: result,
});

function dependentSchema({ on, sorts, otherwise }: Spec & { kind: 'depends' }, refs: Refs): JsonSchema {
  const names = Object.keys(sorts);
  const is = (condition: JsonSchema) => ({ properties: { [on]: condition }, required: [on] });
  return {
    type: 'object',
    properties: { [on]: schemaOf(otherwise.keys[on]!, refs, on) },
    required: [on],
    allOf: [
      ...Object.entries(sorts).map(([name, sort]) => when(is({ const: name }), objectSchema(sort, refs))),
      // A path or a variable: any sort may come out.
      when(is({ not: { enum: names } }), objectSchema(otherwise, refs)),
    ],
  };
}

function bare(spec: Spec, refs: Refs, name: string): JsonSchema {
  switch (spec.kind) {
    case 'object':
      return objectSchema(spec, refs);
    case 'map':
      return {
        type: ['object', 'null'],
        patternProperties: { [spec.pattern]: schemaOf(spec.value, refs, name) },
        additionalProperties: false,
      };
    case 'list':
      return { type: 'array', items: schemaOf(spec.of, refs, name) };
    case 'either':
      return { anyOf: spec.of.map((one) => schemaOf(one, refs, name)) };
    case 'depends':
      return dependentSchema(spec, refs);
    case 'any':
      return {};
    default:
      return scalarSchema(spec);
  }
}

function described(spec: Spec, refs: Refs, name: string): JsonSchema {
  const written = defaultOf(spec);
  // As it is written in the file: a duration as text with its unit, a number as a number.
  const usual = 'default' in spec && (isAmount(spec) ? written : spec.default);
  return {
    description: description(spec),
    ...(written !== undefined && { default: usual }),
    ...bare(spec, refs, name),
  };
}
const isAmount = ({ kind }: Spec): boolean => Object.hasOwn(AMOUNTS, kind);

/** The schema of a part, or a reference to it where the description uses the same part again. */
function schemaOf(spec: Spec, refs: Refs, name: string): JsonSchema {
  const known = refs.names.get(spec);
  if (known !== undefined) return { $ref: `#/definitions/${known}` };
  if (!refs.shared.has(spec)) return described(spec, refs, name);
  const taken = Object.keys(refs.definitions).filter((one) => one === name || one.startsWith(`${name}-`)).length;
  const own = taken === 0 ? name : `${name}-${taken + 1}`;
  refs.names.set(spec, own);
  refs.definitions[own] = {};
  refs.definitions[own] = described(spec, refs, name);
  return { $ref: `#/definitions/${own}` };
}

/** The parts that the description uses more than once: each sensor has the same schedule. */
function sharedParts(root: Spec): ReadonlySet<Spec> {
  const seen = new Set<Spec>();
  const shared = new Set<Spec>();
  const walk = (spec: Spec): void => {
    if (seen.has(spec)) {
      shared.add(spec);
      return;
    }
    seen.add(spec);
    for (const part of partsOf(spec)) walk(part);
  };
  walk(root);
  return shared;
}

export function jsonSchema(spec: Spec): JsonSchema {
  const refs: Refs = {
    shared: sharedParts(spec),
    names: new Map(),
    definitions: {
      variable: { type: 'string', pattern: HAS_VARIABLE, description: 'A value from the environment.' },
    },
  };
  const root = schemaOf(spec, refs, 'config');
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of Sedge',
    ...root,
    definitions: refs.definitions,
  };
}
