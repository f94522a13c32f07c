/**
 * Walks the file's tree along the description and reports every problem at once, each at its place: the key, if unknown
 * or duplicate; the value, if wrong; the mapping that lacks it, if something is missing; the later of two that exclude
 * each other. One mistake is one problem: a key that is a misspelling of another counts as that other.
 *
 * Hostile files: aliases are followed a bounded number of times and only as deep as the description goes, and every
 * mapping that is made has no prototype.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { expected, listed } from './describe.ts';
import { interpolate } from './interpolate.ts';
import { meantBy, suggestion } from './nearest.ts';
import { type Entry, emptyAt, entriesOf, join, offsetAt, type Report, show } from './nodes.ts';
import { parseScalar, type Scalar } from './scalars.ts';
import type { MapSpec, ObjectSpec, Peek, ScalarSpec, Spec } from './shape.ts';

/** A problem at an offset of the text. */
export interface Found {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
}
export type Checked = string | number | boolean | readonly Checked[] | CheckedObject | undefined;
export interface CheckedObject {
  readonly [key: string]: Checked;
}

export interface Checker {
  /** The value with defaults filled in; undefined if it is wrong or absent. In an object, wrong parts are absent. */
  check(spec: Spec, node: Node | null, path: string): Checked;
  readonly report: Report;
  /** Where the value of a key of a checked object stands; where the object stands, without a key or for an absent one. */
  offsetOf(object: object, key?: string): number;
  keyOffsetOf(object: object, key: string): number;
  /** The value of a key as the file has it, for a message: never what a variable holds. */
  written(object: object, key: string): string;
  /** Whether the file has the key, right or wrong. */
  has(object: object, key: string): boolean;
  readonly found: readonly Found[];
}

export interface CheckerOptions {
  readonly document: Document.Parsed;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What paths in the file are relative to. */
  readonly directory: string;
}

/** Aliases that are followed in one file. */
const MAX_ALIASES = 100;
const toAdd = (name: string, spec: Spec): string =>
  spec.kind === 'choice' && spec.choices.length === 1 ? `write \`${name}: ${spec.choices[0]}\`` : `add \`${name}:\``;
/** Absent and undefined are one. */
const put = (values: Record<string, Checked>, name: string, value: Checked): void => {
  if (value !== undefined) values[name] = value;
};

export function createChecker({ document, env, directory }: CheckerOptions): Checker {
  let found: Found[] = [];
  let aliases = 0;
  const places = new WeakMap<object, { offset: number; at: ReadonlyMap<string, Entry> }>();

  const report: Report = (offset, path, message) => {
    found.push({ offset, path, message });
  };
  /** Reports nothing, gives undefined for anything that has a problem. */
  const quietly = (spec: Spec, node: Node, path: string): Checked => {
    const outer = found;
    found = [];
    const value = check(spec, node, path);
    const clean = found.length === 0;
    found = outer;
    return clean ? value : undefined;
  };

  /** The node that an alias stands for, or undefined after a report. */
  function follow(node: Node, path: string): Node | undefined {
    if (!isAlias(node)) return node;
    aliases += 1;
    if (aliases > MAX_ALIASES) {
      return aliases === MAX_ALIASES + 1
        ? report(offsetAt(node), path, `is one alias too many: at most ${MAX_ALIASES} are followed`)
        : undefined;
    }
    const target = node.resolve(document);
    if (target && !isAlias(target)) return target;
    return report(
      offsetAt(node),
      path,
      'refers to an anchor that is not there: put a value that begins with * in quotes',
    );
  }

  function scalar(spec: ScalarSpec, node: Node, offset: number, path: string): Checked {
    if (!isScalar(node))
      return report(offset, path, `is ${isSeq(node) ? 'a list' : 'a mapping'}, and ${expected(spec)} is expected`);
    const source = node.source ?? String(node.value);
    const secret = spec.kind === 'text' && spec.secret;
    let seen: Scalar = { value: node.value, source, read: false };
    if (typeof node.value === 'string') {
      const text = interpolate(node.value, env);
      if ('wrong' in text) return report(offset, path, `${show(source, secret)} ${text.wrong}`);
      seen = { value: text.text, source, read: text.read };
    }
    const parsed = parseScalar(spec, seen, directory);
    if ('value' in parsed) return parsed.value;
    // A number or a truth where text belongs may be half of a password.
    const quoted = (spec.kind === 'text' || spec.kind === 'string') && typeof seen.value !== 'string' ? '' : source;
    return report(offset, path, `${show(quoted, secret)} ${parsed.wrong}`);
  }

  const made = (offset: number, at: ReadonlyMap<string, Entry>): Record<string, Checked> => {
    const object = Object.create(null) as Record<string, Checked>;
    places.set(object, { offset, at });
    return object;
  };

  function object(spec: ObjectSpec, at: Map<string, Entry>, offset: number, path: string): CheckedObject {
    const values = made(offset, at);
    const known = Object.keys(spec.keys);
    /** Keys that are there, or were meant by a misspelt one. */
    const given = new Set([...at.keys()].filter((name) => Object.hasOwn(spec.keys, name)));
    for (const [name, { key, value }] of at) {
      const where = join(path, name);
      if (Object.hasOwn(spec.keys, name)) {
        put(values, name, check(spec.keys[name]!, value, where));
        continue;
      }
      if (spec.open) continue;
      const free = known.filter((candidate) => !given.has(candidate));
      if (spec.elsewhere && Object.hasOwn(spec.elsewhere, name)) {
        report(offsetAt(key), where, `\`${name}\` does not belong here: it ${spec.elsewhere[name]}`);
        continue;
      }
      const meant = meantBy(name, free);
      report(
        offsetAt(key),
        where,
        `unknown key${meant === undefined ? suggestion(name, known) : `: did you mean \`${meant}\`?`}`,
      );
      if (meant === undefined) continue;
      given.add(meant);
      put(values, meant, quietly(spec.keys[meant]!, value, join(path, meant)));
    }
    for (const name of spec.required ?? []) {
      if (!given.has(name)) report(offset, join(path, name), `is missing: ${toAdd(name, spec.keys[name]!)}`);
    }
    rules(spec, given, at, offset, path);
    for (const name of known) {
      if (!given.has(name)) put(values, name, absent(spec.keys[name]!, offset));
    }
    return values;
  }

  function rules(
    spec: ObjectSpec,
    given: ReadonlySet<string>,
    at: ReadonlyMap<string, Entry>,
    offset: number,
    path: string,
  ): void {
    for (const { keys, one } of spec.exclusive ?? []) {
      const [first, ...later] = [...at.keys()].filter((name) => keys.includes(name));
      for (const name of later) {
        report(
          offsetAt(at.get(name)!.value),
          join(path, name),
          `\`${name}\` and \`${first}\` exclude each other: keep one of them`,
        );
      }
      // What else excludes the superfluous one is the same mistake.
      if (later.length > 0) break;
      const lacking = (spec.needs ?? []).some(([name, other]) => given.has(name) && keys.includes(other));
      if (one && !lacking && !keys.some((name) => given.has(name))) {
        report(
          offset,
          path,
          `one of ${listed(
            keys.map((name) => `\`${name}\``),
            'and',
          )} is missing`,
        );
      }
    }
    // What a misspelt key would need is not asked for: which key was meant is a guess.
    const missing = new Map(
      (spec.needs ?? [])
        .filter(([name, other]) => at.has(name) && !given.has(other))
        .map(([name, other]) => [other, name]),
    );
    for (const [other, name] of missing) report(offset, join(path, other), `is missing: \`${name}\` needs it`);
  }

  /** What stands for a key that is not there. */
  function absent(spec: Spec, offset: number): Checked {
    if ((spec.kind === 'object' || spec.kind === 'map') && spec.implied) return check(spec, emptyAt(offset), '');
    return 'default' in spec ? spec.default : undefined;
  }

  function map(spec: MapSpec, at: Map<string, Entry>, offset: number, path: string): CheckedObject {
    const values = made(offset, at);
    for (const [name, { key, value }] of at) {
      const refused = spec.name(name);
      if (refused !== undefined) report(offsetAt(key), join(path, name), refused);
      // Still walked, for the problems inside.
      const checked = check(spec.value, value, join(path, name));
      if (refused === undefined) put(values, name, checked);
    }
    return values;
  }

  function either(spec: Spec & { kind: 'either' }, written: Node, node: Node, path: string): Checked {
    const shape = (candidate: Spec): boolean => {
      const mapping = candidate.kind === 'object' || candidate.kind === 'map' || candidate.kind === 'depends';
      return isMap(node) ? mapping : isSeq(node) ? candidate.kind === 'list' : !mapping && candidate.kind !== 'list';
    };
    const fitting = spec.of.filter(shape);
    if (fitting.length === 0) {
      return report(
        offsetAt(written),
        path,
        `is ${isMap(node) ? 'a mapping' : isSeq(node) ? 'a list' : 'a single value'}, and ${expected(spec)} is expected`,
      );
    }
    for (const candidate of fitting.slice(0, -1)) {
      const value = quietly(candidate, written, path);
      if (value !== undefined) return value;
    }
    const number = isScalar(node) && typeof node.value === 'number';
    return check((number && fitting.find(({ kind }) => kind === 'integer')) || fitting.at(-1)!, written, path);
  }

  function check(spec: Spec, written: Node | null, path: string): Checked {
    const start = written ?? emptyAt(0);
    if (spec.kind === 'any') return undefined;
    const node = follow(start, path);
    if (node === undefined) return undefined;
    const offset = offsetAt(start);
    switch (spec.kind) {
      case 'object':
      case 'map':
      case 'depends': {
        const at = entriesOf(node, offset, path, report);
        if (at === undefined) return undefined;
        if (spec.kind === 'map') return map(spec, at, offset, path);
        if (spec.kind === 'object') return object(spec, at, offset, path);
        const peek: Peek = (key, wanted) => {
          const entry = at.get(key) ?? at.get([...at.keys()].find((name) => meansKey(name, key, spec)) ?? '');
          return entry ? quietly(wanted, entry.value, join(path, key)) : absent(wanted, offset);
        };
        return object(spec.choose(peek), at, offset, path);
      }
      case 'list':
        if (!isSeq<Node>(node)) {
          return report(
            offset,
            path,
            `is ${isMap(node) ? 'a mapping' : 'a single value'}, and a list is expected: put it in [ ]`,
          );
        }
        return node.items.map((item, at) => check(spec.of, item, `${path}[${at}]`));
      case 'either':
        return either(spec, start, node, path);
      default:
        return scalar(spec, node, offset, path);
    }
  }
  /** Whether a misspelt key is the one that decides the sort of its mapping. */
  const meansKey = (name: string, key: string, { otherwise: { keys } }: Spec & { kind: 'depends' }): boolean =>
    !Object.hasOwn(keys, name) && meantBy(name, Object.keys(keys)) === key;

  return {
    check,
    report,
    offsetOf(made, key) {
      const place = places.get(made);
      const entry = key === undefined ? undefined : place?.at.get(key);
      return entry ? offsetAt(entry.value) : (place?.offset ?? 0);
    },
    keyOffsetOf(made, key) {
      const entry = places.get(made)?.at.get(key);
      return entry ? offsetAt(entry.key) : 0;
    },
    written(made, key) {
      const value = places.get(made)?.at.get(key)?.value;
      return show(isScalar(value) ? (value.source ?? '') : '');
    },
    has: (made, key) => places.get(made)?.at.has(key) ?? false,
    get found() {
      return found;
    },
  };
}
