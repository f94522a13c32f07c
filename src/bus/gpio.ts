/**
 * The GPIO contract: one input line. Levels are the line's own, 1 = high; active-low is the driver's business.
 * Rejects with SedgeError `bus.*`.
 */

/** A change of level. */
export interface Edge {
  readonly level: 0 | 1;
  /** When it happened, on the monotonic clock: the kernel's stamp where the backend has one, else when we saw it. */
  readonly monoMs: number;
}

export interface GpioLine {
  /** For messages: "GPIO17 of pinctrl-bcm2711". */
  readonly title: string;
  read(): Promise<0 | 1>;
  /**
   * Edges from now on, in order. Ends when the signal aborts or the line is closed; throws when the line is lost.
   * The queue behind it is bounded: after an overflow `lostEdges` counts what was dropped.
   */
  edges(signal: AbortSignal): AsyncIterable<Edge>;
  /** Edges known to be lost since the line was opened; a count made of edges is a lower bound if this grew. */
  readonly lostEdges: number;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Where a line is: an offset on the board's own chip, or a chip by label or name and a line by offset or name. */
export interface GpioPlace {
  readonly chip?: string;
  readonly line: number | string;
}

export interface GpioOptions {
  readonly pull?: 'up' | 'down' | 'off';
}
