/**
 * A simulated VEML7700, transcribed from the datasheet and the application note: word registers, shutdown, gain,
 * integration with the old value until its end, a 16-bit count that ends at 0xffff. At the gains 1/8 and 1/4 its counts
 * fall behind above 1000 lx, as the note's polynomial says: the simulation looks for the count that the polynomial turns
 * into what is the case. Between 1000 and 1075 lx, where the note's rule has a step, it says 1000.
 * Does not model: power saving, interrupts and thresholds, the spectrum of the white channel.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const [ALS_CONF, ALS, WHITE, ID] = [0, 4, 5, 7];
const GAINS = [1, 2, 1 / 8, 1 / 4];
const INTEGRATION_MS: Readonly<Record<number, number>> = { 0: 100, 1: 200, 2: 400, 3: 800, 8: 50, 12: 25 };
const WAKE_MS = 2.5;
const MOST_LUX = 150_000;

const polynomial = (x: number) => 6.0135e-13 * x ** 4 - 9.3924e-9 * x ** 3 + 8.1488e-5 * x ** 2 + 1.0023 * x;

/** What the photodiode says of so much light, in lx. */
function response(lux: number, gain: number): number {
  if (gain >= 1 || lux <= 1_000) return lux;
  let [low, high] = [1_000, MOST_LUX];
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (polynomial(middle) < lux) low = middle;
    else high = middle;
  }
  return low;
}

function create({ clock, value }: World) {
  const words = new Uint16Array(8);
  words[ALS_CONF] = 0x0001;
  words[ID] = 0xc481;
  let pointer = 0;
  /** When the integration ends that is running; undefined when shut down. */
  let endMs: number | undefined;

  const gain = () => GAINS[(words[ALS_CONF]! >> 11) & 3]!;
  const integrationMs = () => INTEGRATION_MS[(words[ALS_CONF]! >> 6) & 0x0f] ?? 100;
  const settle = () => {
    if (endMs === undefined) return;
    const ended = Math.floor((clock.monotonic() - endMs) / integrationMs() + 1e-9) + 1;
    if (ended < 1) return;
    const atMs = endMs + (ended - 1) * integrationMs();
    endMs = atMs + integrationMs();
    const step = 0.0042 * (800 / integrationMs()) * (2 / gain());
    const counts = Math.max(0, Math.round(response(value('illuminance', atMs), gain()) / step));
    words[ALS] = Math.min(0xffff, counts);
    words[WHITE] = words[ALS]!;
  };

  return {
    write([register, low, high]: Uint8Array): boolean {
      settle();
      if (register === undefined) return true;
      pointer = register;
      if (low === undefined || high === undefined || register > 6 || register === ALS || register === WHITE)
        return true;
      const word = low | (high << 8);
      const changed = word !== words[register];
      words[register] = word;
      if (register !== ALS_CONF || !changed) return true;
      endMs = word & 1 ? undefined : clock.monotonic() + WAKE_MS + integrationMs();
      return true;
    },
    read(length: number): Uint8Array {
      settle();
      const word = words[pointer] ?? 0;
      return Uint8Array.of(word & 0xff, word >> 8).subarray(0, length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
