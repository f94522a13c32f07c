/** Elements without a framework. Text is always set as text, so a name with markup in it is shown as it is written. */

type Attributes = Readonly<Record<string, string | boolean | undefined>>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Only what differs is touched: a screen reader is not told the same again, and nothing is laid out anew. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setData(node: HTMLElement, name: string, value: string): void {
  if (node.dataset[name] !== value) node.dataset[name] = value;
}

/** Rows of a definition list, made once and then only written to. */
export function facts(names: readonly string[]): {
  readonly list: HTMLDListElement;
  set(name: string, text: string): void;
} {
  const values = new Map(names.map((name) => [name, element('dd')]));
  const rows = [...values].map(([name, value]) => element('div', {}, element('dt', {}, name), value));
  return {
    list: element('dl', { class: 'facts-list' }, ...rows),
    set(name, text) {
      const value = values.get(name);
      if (value) setText(value, text);
    },
  };
}
