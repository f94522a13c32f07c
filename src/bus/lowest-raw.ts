/**
 * What a simulated chip measures: the raw number that the datasheet's formula turns into what is the case. The formulas have no
 * simple inverse, so it is looked for.
 */

/** The lowest number up to `top` that `holds`, of a condition that once true stays true; `top` where none does. */
export function lowestRaw(top: number, holds: (raw: number) => boolean): number {
  let [below, at] = [-1, top];
  while (at - below > 1) {
    const middle = (below + at) >> 1;
    if (holds(middle)) at = middle;
    else below = middle;
  }
  return at;
}
