/**
 * One scalar of the file against one scalar of the description. A refusal is a predicate that the checker puts behind the
 * value: "needs a unit: write 10s". It never quotes what a variable or a secret holds.
 */
import { resolve } from 'node:path';
import { AMOUNTS, expected, hexAddress, rangeOf, writtenAs } from './describe.ts';
import { nearest } from './nearest.ts';
import type { ScalarSpec } from './shape.ts';
import { parseAmount } from './units.ts';

/** A scalar as YAML 1.2 (core schema) reads it; with a variable inside, it is the text that came out. */
export interface Scalar {
  readonly value: unknown;
  /** As written in the file, without quotes. */
  readonly source: string;
  /** True when the text came from the environment: then a number may be text. */
  readonly read: boolean;
}
export type Parsed = { readonly value: string | number | boolean } | { readonly wrong: string };

const wrong = (text: string): Parsed => ({ wrong: text });
const WORDS_FOR_TRUTH: Readonly<Record<string, boolean>> = {
  yes: true,
  on: true,
  y: true,
  true: true,
  no: false,
  off: false,
  n: false,
  false: false,
};
const LOWEST_ADDRESS = 0x03;
const HIGHEST_ADDRESS = 0x77;

/** The number that a variable's text stands for, by the rules of YAML 1.2. */
function numberIn(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^([-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|0x[0-9a-fA-F]+)$/.test(trimmed)) return undefined;
  return Number(trimmed);
}

function numeric(spec: ScalarSpec, { value, read, source }: Scalar): Parsed {
  const found = typeof value === 'string' && read ? numberIn(value) : value;
  if (typeof found === 'number') {
    if (!Number.isFinite(found)) return wrong('is not a finite number');
    if (spec.kind !== 'number' && !Number.isSafeInteger(found)) return wrong('is not a whole number');
    return { value: found };
  }
  if (typeof value === 'string' && !read && numberIn(value) !== undefined) {
    return wrong(`is text in quotes, and ${expected(spec)} is expected: write ${source} without quotes`);
  }
  return wrong(`is not ${expected(spec)}`);
}

function inRange(spec: ScalarSpec, parsed: Parsed): Parsed {
  if ('wrong' in parsed || typeof parsed.value !== 'number') return parsed;
  const min = 'min' in spec ? spec.min : undefined;
  const max = 'max' in spec ? spec.max : undefined;
  if ((min !== undefined && parsed.value < min) || (max !== undefined && parsed.value > max)) {
    return wrong(`is out of range: ${rangeOf(spec)} is possible`);
  }
  if (spec.kind === 'rate' && spec.choices && !spec.choices.includes(parsed.value)) {
    return wrong(`is not possible here: write ${spec.choices.map((rate) => writtenAs(spec, rate)).join(', ')}`);
  }
  return parsed;
}

function choice(spec: ScalarSpec & { kind: 'choice' }, { value, read }: Scalar): Parsed {
  const same = spec.choices.find((candidate) => candidate === value || (read && String(candidate) === value));
  if (same !== undefined) return { value: same };
  const alike = spec.choices.find((candidate) => String(candidate) === String(value));
  if (alike !== undefined) {
    return wrong(
      typeof alike === 'number' ? `is text: write ${alike} without quotes` : `is not text: write "${alike}"`,
    );
  }
  if (spec.choices.length === 1) return wrong(`is not possible: write ${spec.choices[0]}`);
  const near = typeof value === 'string' ? nearest(value, spec.choices.map(String)) : undefined;
  return wrong(`is not one of ${spec.choices.join(', ')}${near === undefined ? '' : `: did you mean \`${near}\`?`}`);
}

function text(spec: ScalarSpec, { value, read }: Scalar): Parsed {
  if (typeof value === 'string') {
    if (value.includes('\0')) return wrong('holds a NUL character, which no text here can');
    const refused = spec.kind === 'text' ? spec.check?.(value) : undefined;
    return refused === undefined ? { value } : wrong(refused);
  }
  const what = typeof value === 'number' ? 'a number' : typeof value === 'boolean' ? 'true or false' : 'empty';
  return wrong(
    read || what === 'empty' ? `is ${what}, and text is expected` : `is ${what}, and text is expected: quote it`,
  );
}

function address(spec: ScalarSpec & { kind: 'address' }, scalar: Scalar): Parsed {
  const found = numeric(spec, scalar);
  if ('wrong' in found || typeof found.value !== 'number') return found;
  const possible = spec.choices
    ? spec.choices.includes(found.value)
    : found.value >= LOWEST_ADDRESS && found.value <= HIGHEST_ADDRESS;
  if (possible) return found;
  const shifted = found.value > HIGHEST_ADDRESS && spec.choices?.includes(found.value >> 1);
  const hint = shifted ? ` (addresses have 7 bits: ${hexAddress(found.value >> 1)})` : '';
  return wrong(`is not an address that this chip can have: write ${expected(spec)}${hint}`);
}

/** `directory` is what relative paths are relative to. */
export function parseScalar(spec: ScalarSpec, scalar: Scalar, directory: string): Parsed {
  const { value, source, read } = scalar;
  if (value === null) return wrong(`has no value: write ${expected(spec)}, or delete the line`);
  switch (spec.kind) {
    case 'number':
    case 'integer':
      return inRange(spec, numeric(spec, scalar));
    case 'address':
      return address(spec, scalar);
    case 'duration':
    case 'size':
    case 'rate':
      if (typeof value !== 'string' && typeof value !== 'number') return wrong(`is not ${expected(spec)}`);
      return inRange(spec, parseAmount(typeof value === 'string' ? value.trim() : source, AMOUNTS[spec.kind]));
    case 'boolean': {
      if (typeof value === 'boolean') return { value };
      const meant = typeof value === 'string' ? value.toLowerCase() : '';
      if (!Object.hasOwn(WORDS_FOR_TRUTH, meant)) return wrong('is neither true nor false');
      if (read) return { value: WORDS_FOR_TRUTH[meant]! };
      return wrong(`is text: write ${WORDS_FOR_TRUTH[meant]}`);
    }
    case 'choice':
      return choice(spec, scalar);
    case 'off':
      return value === false || value === 'off' ? { value: false } : wrong('is not off');
    case 'file': {
      const found = text(spec, scalar);
      if ('wrong' in found) return found;
      return found.value === ''
        ? wrong('is empty, and a path is expected')
        : { value: resolve(directory, String(found.value)) };
    }
    case 'string':
    case 'text':
      return text(spec, scalar);
  }
}
