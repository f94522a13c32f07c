/**
 * Nodes of the file's tree: where they are, what keys a mapping has, and how they are quoted in a message. Everything here is
 * for files that may be wrong or hostile.
 */
import { isMap, isNode, isScalar, isSeq, type Node, Scalar } from 'yaml';

/** Takes a problem; gives undefined, so that a check can end with it. */
export type Report = (offset: number, path: string, message: string) => undefined;

/** Longest part of a value that a message quotes. */
const MAX_SHOWN = 40;

export const offsetAt = (node: Node): number => node.range?.[0] ?? 0;
/** Readable in one line, also when somebody puts a line break or a colon into a key. */
const segment = (name: string): string =>
  /^[^\s:\x00-\x1f\x7f]{1,80}$/.test(name) ? name : JSON.stringify(name.slice(0, 80));
export const join = (path: string, key: string): string => (path === '' ? segment(key) : `${path}.${segment(key)}`);

/** An empty value at a place. */
export const emptyAt = (offset: number): Node => {
  const node = new Scalar(null);
  node.range = [offset, offset, offset];
  return node;
};

export const show = (source: string, secret = false): string => {
  if (source === '' || secret) return 'the value';
  const line = source.replaceAll(/[\s\x00-\x1f\x7f]+/g, ' ').replaceAll('`', "'");
  return `\`${line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}...` : line}\``;
};

export interface Entry {
  readonly key: Node;
  readonly value: Node;
}

/** Keys and values in the order of the file, duplicates reported; undefined if the node is no mapping. */
export function entriesOf(node: Node, offset: number, path: string, report: Report): Map<string, Entry> | undefined {
  const seen = new Map<string, Entry>();
  // `journal:` with nothing under it is an empty mapping: its keys may be commented out.
  if (isScalar(node) && node.value === null) return seen;
  if (!isMap<Node, Node | null>(node)) {
    return report(
      offset,
      path,
      `${isSeq(node) ? 'a list' : 'a single value'} stands where a mapping of keys is expected`,
    );
  }
  for (const { key, value } of node.items) {
    const name = isScalar(key) && key.value !== null ? (key.source ?? String(key.value)) : undefined;
    if (name === undefined) {
      report(isNode(key) ? offsetAt(key) : offset, path, 'a key must be plain text');
      continue;
    }
    if (seen.has(name)) {
      report(offsetAt(key), join(path, name), 'this key is given twice in one mapping: delete one of them');
      continue;
    }
    seen.set(name, { key, value: value ?? emptyAt(key.range?.[1] ?? offset) });
  }
  return seen;
}
