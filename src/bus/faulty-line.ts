/**
 * Faults of a simulated GPIO line. A transfer is here one read, or one edge that arrives.
 *
 * - nack: the line is lost once; a read is refused, edges end with an error. unplug: the same for 5 s.
 * - hang: a read ends after a second with a timeout; an edge is never seen, and neither are those of the next second.
 * - slow: a read or an edge comes 200 ms late; an edge keeps its time.
 * - noise: a spike of 0.1 ms comes after an edge. crc: there is none on a line.
 */
import { SedgeError } from '../errors.ts';
import { type FaultOptions, faultDice, HANG_MS, SLOW_MS, UNPLUGGED_MS } from './faults.ts';
import type { Edge, GpioLine } from './gpio.ts';

const SPIKE_MS = 0.1;

export function faultyLine(line: GpioLine, options: FaultOptions): GpioLine {
  if (options.faults.length === 0) return line;
  const { clock, sensor } = options;
  const strikes = faultDice(options);
  let backMs = Number.NEGATIVE_INFINITY;
  let lostEdges = 0;

  const lost = () => new SedgeError('bus.missing', `${line.title} is gone (simulated fault of ${sensor})`);
  const checkPresence = () => {
    if (clock.monotonic() < backMs) throw lost();
    if (strikes('unplug')) {
      backMs = clock.monotonic() + UNPLUGGED_MS;
      throw lost();
    }
    if (strikes('nack')) throw lost();
  };
  async function* follow(edges: AsyncIterable<Edge>): AsyncGenerator<Edge> {
    let deafUntilMs = Number.NEGATIVE_INFINITY;
    if (clock.monotonic() < backMs) throw lost();
    for await (const edge of edges) {
      checkPresence();
      if (edge.monoMs < deafUntilMs || strikes('hang')) {
        if (edge.monoMs >= deafUntilMs) deafUntilMs = edge.monoMs + HANG_MS;
        lostEdges += 1;
        continue;
      }
      if (strikes('slow')) await clock.sleep(SLOW_MS);
      yield edge;
      if (!strikes('noise')) continue;
      yield { level: edge.level ? 0 : 1, monoMs: edge.monoMs + SPIKE_MS / 2 };
      yield { level: edge.level, monoMs: edge.monoMs + SPIKE_MS };
    }
  }

  return {
    title: line.title,
    get lostEdges() {
      return line.lostEdges + lostEdges;
    },
    async read() {
      checkPresence();
      if (strikes('hang')) {
        await clock.sleep(HANG_MS);
        throw new SedgeError('bus.timeout', `${line.title} does not answer (simulated fault of ${sensor})`);
      }
      if (strikes('slow')) await clock.sleep(SLOW_MS);
      return line.read();
    },
    edges(signal) {
      const edges = line.edges(signal);
      return follow(edges);
    },
    close: () => line.close(),
  };
}
