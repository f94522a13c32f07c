/**
 * The description of the configuration as a JSON Schema (draft-7), for editors and other programs. What a schema cannot
 * say (two sensors at one place, a file that is not there) is left to the checker; nothing that the checker accepts is
 * refused here.
 */
import { AMOUNTS, hexAddress, rangeOf } from './describe.ts';
import type { ObjectSpec, ScalarSpec, Spec } from './shape.ts';

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

/** "Reads at this interval. (10ms to 366d; default 1s)" */
function description(spec: Spec): string {
  const isNumber = spec.kind === 'number' || spec.kind === 'integer';
  const addresses = spec.kind === 'address' && spec.choices ? spec.choices.map(hexAddress).join(', ') : '';
  const facts = [isNumber ? '' : rangeOf(spec), addresses].filter((fact) => fact !== '');
  return facts.length > 0 ? `${spec.doc} (${facts.join('; ')})` : spec.doc;
}

function objectSchema(spec: ObjectSpec): JsonSchema {
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
    properties: Object.fromEntries(Object.entries(spec.keys).map(([key, part]) => [key, schemaOf(part)])),
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

function dependentSchema({ on, sorts, otherwise }: Spec & { kind: 'depends' }): JsonSchema {
  const names = Object.keys(sorts);
  const is = (condition: JsonSchema) => ({ properties: { [on]: condition }, required: [on] });
  return {
    type: 'object',
    properties: { [on]: schemaOf(otherwise.keys[on]!) },
    required: [on],
    allOf: [
      ...Object.entries(sorts).map(([name, sort]) => when(is({ const: name }), objectSchema(sort))),
      // A path or a variable: any sort may come out.
      when(is({ not: { enum: names } }), objectSchema(otherwise)),
    ],
  };
}

function bare(spec: Spec): JsonSchema {
  switch (spec.kind) {
    case 'object':
      return objectSchema(spec);
    case 'map':
      return {
        type: ['object', 'null'],
        patternProperties: { [spec.pattern]: schemaOf(spec.value) },
        additionalProperties: false,
      };
    case 'list':
      return { type: 'array', items: schemaOf(spec.of) };
    case 'either':
      return { anyOf: spec.of.map(schemaOf) };
    case 'depends':
      return dependentSchema(spec);
    case 'any':
      return {};
    default:
      return scalarSchema(spec);
  }
}

const schemaOf = (spec: Spec): JsonSchema => ({ description: description(spec), ...bare(spec) });

export function jsonSchema(spec: Spec): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of Sedge',
    ...schemaOf(spec),
    definitions: {
      variable: { type: 'string', pattern: HAS_VARIABLE, description: 'A value from the environment.' },
    },
  };
}
