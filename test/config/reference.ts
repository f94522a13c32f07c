/** The keys of the configuration as a table for docs/configuration.md. Options of drivers are told by `sedge drivers NAME`. */
import { defaultOf, rangeOf, typeOf } from '../../src/config/describe.ts';
import type { Spec } from '../../src/config/shape.ts';

interface Row {
  readonly path: string;
  readonly spec: Spec;
  readonly required: boolean;
  /** The key is of this sort of mapping only. */
  readonly sort?: string;
}
const NAMES: Readonly<Record<string, string>> = {
  sensors: '<id>',
  uplinks: '<id>',
  filters: '<channel>',
  faults: '<id>',
};

/** Every key once, in the order of the description; a mapping's keys behind it. */
function rowsOf(spec: Spec, path = '', name = ''): readonly Row[] {
  switch (spec.kind) {
    case 'object':
      return Object.entries(spec.keys).flatMap(([key, part]) => {
        const own = path === '' ? key : `${path}.${key}`;
        return [{ path: own, spec: part, required: spec.required?.includes(key) ?? false }, ...rowsOf(part, own, key)];
      });
    case 'map':
      return rowsOf(spec.value, `${path}.${NAMES[name] ?? '<name>'}`);
    case 'list':
      return rowsOf(spec.of, `${path}[]`);
    case 'either':
      return spec.of.flatMap((part) => rowsOf(part, path));
    case 'depends':
      return [...rowsOf(spec.otherwise, path), ...(spec.on === 'type' ? sortRows(spec, path) : [])];
    default:
      return [];
  }
}

/** What other sorts have beside what the first has too. Drivers are not told here. */
function sortRows({ sorts, otherwise }: Spec & { kind: 'depends' }, path: string): readonly Row[] {
  const known = new Set<Spec>(Object.values(otherwise.keys));
  return Object.entries(sorts).flatMap(([sort, spec]) => {
    if (spec === otherwise) return [];
    const own = Object.entries(spec.keys).filter(([, part]) => !known.has(part));
    return rowsOf({ ...spec, keys: Object.fromEntries(own) }, path).map((row) => ({ ...row, sort }));
  });
}

export const keyPaths = (spec: Spec): readonly string[] => rowsOf(spec).map(({ path }) => path);

export function keyTable(spec: Spec): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  const rows = rowsOf(spec).map(({ path, spec: part, required, sort }) => {
    const type = part.kind === 'any' ? 'depends on the driver' : typeOf(part);
    const usual = required ? 'required' : (defaultOf(part) ?? '');
    return `| \`${path}\`${sort === undefined ? '' : ` (${sort})`} | ${cell(type)} | ${usual} | ${rangeOf(part)} | ${cell(part.doc)} |`;
  });
  return ['| key | value | default | range | meaning |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}
