/**
 * A digital input: door contact, float switch, PIR, push button. Anything that is high or low.
 *
 * Says the state once at the start, since edges only tell changes, then each change that lasted, with the time of its
 * edge. A mechanical contact bounces for 5 to 20 ms: a change counts when the line then stays for `debounce`. After an
 * overflow of the edge queue the level is read again, so the last state said is always the true one.
 */
import type { Edge, EventDriver, GpioLine, Happening } from '../src/driver.ts';

const driver: EventDriver<'gpio'> = {
  api: 1,
  id: 'gpio-input',
  title: 'Digital input (contact, switch, PIR)',
  datasheet: 'none: any output of 0 V and 3.3 V, or a contact to ground with a pull-up',
  bus: 'gpio',
  kind: 'event',
  channels: { state: { quantity: 'state', min: 0, max: 1, resolution: 1, decimals: 0 } },
  options: {
    active_low: { kind: 'boolean', default: false, doc: 'State 1 is a low line: a contact to ground with a pull-up.' },
    debounce: {
      kind: 'duration',
      default: 20,
      min: 0,
      max: 60_000,
      doc: 'A change counts when the line then stays for this long.',
    },
  },
  worstCaseMs: 100,
  async open({ device, clock, options }) {
    const activeLow = options.active_low as boolean;
    const debounceMs = options.debounce as number;

    async function* watch(signal: AbortSignal): AsyncGenerator<Happening> {
      // Also ends the line's edges when the reader leaves without aborting.
      const left = new AbortController();
      const edges = device.edges(AbortSignal.any([signal, left.signal]))[Symbol.asyncIterator]();
      const fetch = () => {
        const edge = edges.next();
        // Looked at later than it may reject.
        edge.catch(() => {});
        return edge;
      };
      const happening = ({ level, monoMs }: Edge): Happening => ({
        values: { state: activeLow ? 1 - level : level },
        monoMs,
      });
      const levelNow = async (line: GpioLine): Promise<Edge> => ({
        level: await line.read(),
        monoMs: clock.monotonic(),
      });

      try {
        // The edges are followed before the level is read: a change in between is seen by one of the two.
        let next = fetch();
        let lost = device.lostEdges;
        let stable = await levelNow(device);
        if (signal.aborted) return;
        yield happening(stable);

        let pending: Edge | undefined;
        while (!signal.aborted) {
          const timer = new AbortController();
          const found = await Promise.race(
            pending
              ? [next, clock.sleep(pending.monoMs + debounceMs - clock.monotonic(), timer.signal).then(() => undefined)]
              : [next],
          );
          timer.abort();
          if (found?.done || signal.aborted) return;
          const edge = found?.value;
          if (pending && (edge === undefined || edge.monoMs - pending.monoMs >= debounceMs)) {
            stable = pending;
            pending = undefined;
            yield happening(stable);
          }
          if (edge === undefined) continue;
          next = fetch();
          const seen: Edge = device.lostEdges === lost ? edge : await levelNow(device);
          lost = device.lostEdges;
          pending = seen.level === stable.level ? undefined : seen;
        }
      } finally {
        left.abort();
      }
    }

    return { watch, close: async () => {} };
  },
};

export default driver;
