/**
 * A simulated TSL2561 in a T, FN or CL package, transcribed from the datasheet: command byte, power, timing, id, two
 * channels that are integrated anew as long as it is switched on, full scales. Light and infrared become counts by the
 * datasheet's power-law formula; `infrared` of the world is the ratio of the two channels.
 * Does not model: interrupts, manual integration, the block protocol, the latch of a word's high byte, a ratio above 0.5.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const [CONTROL, TIMING, ID, DATA] = [0x00, 0x01, 0x0a, 0x0c];
/** By the code of TIMING: the longest an integration takes, its share of the longest one, its full scale. */
const INTEGRATIONS: readonly { longestMs: number; clocks: number; fullScale: number }[] = [
  { longestMs: 15, clocks: 11, fullScale: 5_047 },
  { longestMs: 120, clocks: 81, fullScale: 37_177 },
  { longestMs: 450, clocks: 322, fullScale: 65_535 },
];
const ALL_CLOCKS = 322;

function create({ clock, value }: World) {
  const registers = new Uint8Array(0x10);
  registers[TIMING] = 0x02;
  registers[ID] = 0x50;
  let pointer = 0;
  let step = 0;
  /** When the integration began that is running; undefined when off. */
  let beganMs: number | undefined;

  const settle = () => {
    const integration = INTEGRATIONS[registers[TIMING]! & 0x03];
    if (beganMs === undefined || !integration) return;
    const ended = Math.floor((clock.monotonic() - beganMs) / integration.longestMs + 1e-9);
    if (ended < 1) return;
    beganMs += ended * integration.longestMs;
    const ratio = value('infrared', beganMs);
    const full = value('illuminance', beganMs) / (0.0304 - 0.062 * ratio ** 1.4);
    const scale = (integration.clocks / ALL_CLOCKS) * (registers[TIMING]! & 0x10 ? 1 : 1 / 16);
    const view = new DataView(registers.buffer);
    const counts = (light: number) => Math.min(integration.fullScale, Math.max(0, Math.round(light * scale)));
    view.setUint16(DATA, counts(full), true);
    view.setUint16(DATA + 2, counts(full * ratio), true);
  };
  const set = (register: number, byte: number): void => {
    if (register >= ID) return;
    registers[register] = register === CONTROL ? byte & 0x03 : byte;
    if (register > TIMING) return;
    const isOn = registers[CONTROL] === 0x03;
    beganMs = isOn ? clock.monotonic() : undefined;
  };

  return {
    write([command, ...bytes]: Uint8Array): boolean {
      settle();
      if (command === undefined || (command & 0x80) === 0) return true;
      pointer = command & 0x0f;
      step = command & 0x20 ? 1 : 0;
      bytes.forEach((byte, at) => {
        set(pointer + at * step, byte);
      });
      return true;
    },
    read(length: number): Uint8Array {
      settle();
      return Uint8Array.from({ length }, (_, at) => registers[(pointer + Math.min(at, 1) * step) & 0x0f]!);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
