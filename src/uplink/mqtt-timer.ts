/** MQTT.js' keepalive timer on our clock, so that tests move it by hand. */
import type { Clock } from '../clock.ts';

/** setInterval and clearInterval as MQTT.js takes them. */
export interface IntervalTimer {
  set(tick: () => void, everyMs: number): number;
  clear(id: number): void;
}

export function clockTimer(clock: Clock): IntervalTimer {
  const running = new Map<number, AbortController>();
  let nextId = 1;
  const run = async (tick: () => void, everyMs: number, { signal }: AbortController) => {
    for (;;) {
      await clock.sleep(everyMs, signal);
      if (signal.aborted) return;
      tick();
    }
  };
  return {
    set(tick, everyMs) {
      const id = nextId++;
      const controller = new AbortController();
      running.set(id, controller);
      void run(tick, everyMs, controller);
      return id;
    },
    clear(id) {
      running.get(id)?.abort();
      running.delete(id);
    },
  };
}
