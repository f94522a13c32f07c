/**
 * The language in which the configuration is described, as data (spec.ts). It is the language of the drivers' option
 * tables with mappings, lists and unions added, so a driver's table is a part of the description as it stands. The
 * checker (checker.ts), the JSON Schema (json-schema.ts) and the words of the documentation (describe.ts) are made from it.
 */
import type { OptionSpec } from '../driver.ts';

interface Doc {
  /** One line for a person: what it is for. */
  readonly doc: string;
}

/** One value without parts. */
export type ScalarSpec =
  | OptionSpec
  /** `64MB`. Arrives in bytes; bounds and default too. */
  | (Doc & { readonly kind: 'size'; readonly default?: number; readonly min?: number; readonly max?: number })
  /** Text with rules. */
  | (Doc & {
      readonly kind: 'text';
      readonly default?: string;
      /** Never shown in a message. */
      readonly secret?: true;
      /** Undefined, or what is wrong as a predicate: "is not a time zone". */
      check?(text: string): string | undefined;
      /** For the JSON Schema: the rule again, as far as a pattern can say it. */
      readonly pattern?: string;
      /** For the JSON Schema: the values that editors offer. */
      readonly known?: readonly string[];
    })
  /** A 7-bit I2C address: one of those that the chip can have, or any when there are none. */
  | (Doc & { readonly kind: 'address'; readonly choices?: readonly number[]; readonly default?: number })
  /** The word `off`. Arrives as false. */
  | (Doc & { readonly kind: 'off' });

export type ObjectSpec = Doc & {
  readonly kind: 'object';
  readonly keys: Readonly<Record<string, Spec>>;
  readonly required?: readonly string[];
  /** Groups of keys that exclude each other; with `one`, exactly one of the group must be there. */
  readonly exclusive?: readonly { readonly keys: readonly string[]; readonly one?: true }[];
  /** Pairs: the first, if there, needs the second. */
  readonly needs?: readonly (readonly [string, string])[];
  /** Keys that exist but not here, with the reason as a predicate: "is for chips on I2C". */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Unknown keys are not judged: the mapping is of a sort that another problem already calls unknown. */
  readonly open?: true;
  /** Left out, it is as if it were there and empty. */
  readonly implied?: true;
};

/** Names chosen by the user -> values of one sort. */
export type MapSpec = Doc & {
  readonly kind: 'map';
  /** Whether a name is allowed: undefined, or what is wrong, as a predicate. */
  readonly name: (name: string) => string | undefined;
  readonly value: Spec;
  /** For the JSON Schema. */
  readonly pattern: string;
  readonly implied?: true;
};

export type Spec =
  | ScalarSpec
  | ObjectSpec
  | MapSpec
  | (Doc & { readonly kind: 'list'; readonly of: Spec })
  /** The first whose shape fits. */
  | (Doc & { readonly kind: 'either'; readonly of: readonly Spec[]; readonly default?: number })
  /** A mapping whose sort one of its own keys decides: a sensor by its driver. */
  | (Doc & {
      readonly kind: 'depends';
      choose(peek: Peek): ObjectSpec;
      /** For the JSON Schema: key, and its value -> the sort; the first applies when no other does. */
      readonly on: string;
      readonly sorts: Readonly<Record<string, ObjectSpec>>;
      readonly otherwise: ObjectSpec;
    })
  /** Anything: judged by another problem. */
  | (Doc & { readonly kind: 'any' });

/** A look at one key of a mapping before its sort is known: undefined when it is absent or wrong; reports nothing. */
export type Peek = (key: string, spec: Spec) => unknown;

/** A table of options as a mapping. */
export const objectOf = (keys: Readonly<Record<string, Spec>>, doc: string): ObjectSpec => ({
  kind: 'object',
  keys,
  doc,
  implied: true,
});

/** The parts of a part, in order. */
export function partsOf(spec: Spec): readonly Spec[] {
  switch (spec.kind) {
    case 'object':
      return Object.values(spec.keys);
    case 'map':
      return [spec.value];
    case 'list':
      return [spec.of];
    case 'either':
      return spec.of;
    case 'depends':
      return [...Object.values(spec.sorts), spec.otherwise];
    default:
      return [];
  }
}
