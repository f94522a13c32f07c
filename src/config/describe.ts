/** The description of the configuration in words: for messages, for `sedge drivers` and for docs/configuration.md. Pure. */
import type { Spec } from './shape.ts';
import { DURATION, formatAmount, RATE, SIZE, type UnitTable } from './units.ts';

export const AMOUNTS: Readonly<Record<'duration' | 'size' | 'rate', UnitTable>> = {
  duration: DURATION,
  size: SIZE,
  rate: RATE,
};

export const hexAddress = (address: number): string => `0x${address.toString(16).padStart(2, '0')}`;

/** A value as it is written in the file. */
export function writtenAs(spec: Spec, value: string | number | boolean): string {
  if (typeof value !== 'number') return String(value);
  if (spec.kind === 'duration' || spec.kind === 'size' || spec.kind === 'rate') {
    return formatAmount(value, AMOUNTS[spec.kind]);
  }
  return spec.kind === 'address' ? hexAddress(value) : String(value);
}

export const listed = (words: readonly string[], last: string): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;

/** "10ms to 1h", "at least 4MB"; empty without bounds. */
export function rangeOf(spec: Spec): string {
  if (!('min' in spec) && !('max' in spec)) return '';
  const { min, max } = spec;
  if (min !== undefined && max !== undefined) return `${writtenAs(spec, min)} to ${writtenAs(spec, max)}`;
  if (min !== undefined) return `at least ${writtenAs(spec, min)}`;
  return max === undefined ? '' : `at most ${writtenAs(spec, max)}`;
}

/** "a duration", "one of 1, 2 or 4": what is expected, for a message. */
export function expected(spec: Spec): string {
  switch (spec.kind) {
    case 'number':
      return 'a number';
    case 'integer':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'string':
    case 'text':
      return 'text';
    case 'file':
      return 'a path';
    case 'choice':
      return listed(spec.choices.map(String), 'or');
    case 'duration':
    case 'size':
    case 'rate':
      return `${AMOUNTS[spec.kind].title} such as ${AMOUNTS[spec.kind].examples}`;
    case 'address':
      return spec.choices ? listed(spec.choices.map(hexAddress), 'or') : 'an I2C address from 0x03 to 0x77';
    case 'off':
      return 'off';
    case 'object':
    case 'map':
    case 'depends':
      return 'a mapping';
    case 'list':
      return 'a list';
    case 'either':
      return listed(spec.of.map(expected), 'or');
    case 'any':
      return 'a value';
  }
}

/** "duration", "whole number": what is expected, for a table. */
export function typeOf(spec: Spec): string {
  switch (spec.kind) {
    case 'duration':
    case 'size':
    case 'rate':
      return spec.kind === 'rate' && spec.choices
        ? spec.choices.map((choice) => writtenAs(spec, choice)).join(', ')
        : spec.kind;
    case 'number':
    case 'integer':
      return `${spec.kind === 'integer' ? 'whole number' : 'number'}${spec.unit ? ` (${spec.unit})` : ''}`;
    case 'choice':
      return spec.choices.join(', ');
    case 'either':
      return spec.of.map(typeOf).join(' or ');
    case 'address':
      return spec.choices ? spec.choices.map(hexAddress).join(', ') : 'address';
    case 'list':
      return spec.of.kind === 'choice' ? `list of ${typeOf(spec.of)}` : `list of ${typeOf(spec.of)}s`;
    default:
      return expected(spec).replace(/^an? /, '');
  }
}

/** The default as it is written in the file; undefined without one. */
export function defaultOf(spec: Spec): string | undefined {
  return 'default' in spec && spec.default !== undefined ? writtenAs(spec, spec.default) : undefined;
}
