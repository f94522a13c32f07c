/** Steps between sampler and journal, per channel, in the order of the configuration: calibrate, smooth, drop what did not change. */

/** One step as configured, after the checks. */
export type FilterSpec =
  | { readonly kind: 'offset'; readonly by: number }
  | { readonly kind: 'multiply'; readonly by: number }
  | { readonly kind: 'clamp'; readonly min: number; readonly max: number }
  | { readonly kind: 'median'; readonly of: number }
  | { readonly kind: 'average'; readonly of: number }
  /** Passes a value only if it moved by at least `by` since the last one passed, or `heartbeatMs` have gone by. */
  | { readonly kind: 'delta'; readonly by: number; readonly heartbeatMs?: number };
