/**
 * The world around simulated chips: weather with a day, people and a lamp, a motor, knocks. Everything is a pure function
 * of seed and time, so a FIFO may look back and a wire ahead, and a run can be repeated.
 *
 * - `speed` scales the weather and the day. People, motor and knocks keep their own pace: a door stays open for seconds.
 * - Each sensor hangs at its own place: values differ a little between sensors, always in the same way.
 * - What is not known here is 0.
 */
import type { Clock } from '../clock.ts';
import { seedOf, uniformAt, uniformFrom, wander } from './seeded.ts';
import type { World } from './sim.ts';

export interface EnvironmentOptions {
  readonly seed: number;
  /** How fast the weather passes; 1 is real time. */
  readonly speed: number;
  readonly clock: Clock;
}
export interface Environment {
  /** The world at one sensor's place. */
  world(sensorId: string): World;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const GRAVITY = 9.80665;

type Curve = (monoMs: number) => number;

export function environment({ seed, speed, clock }: EnvironmentOptions): Environment {
  const beganMonoMs = clock.monotonic();
  const beganWallMs = clock.now();
  const weatherMs: Curve = (monoMs) => beganWallMs + (monoMs - beganMonoMs) * speed;
  /** A wandering part of the weather, common to all sensors. */
  const drift = (name: string, periodMs: number): Curve => {
    const own = seedOf(seed, name);
    return (monoMs) => wander(own, weatherMs(monoMs), periodMs);
  };

  // Weather and daylight.
  const warmth = drift('warmth', 6 * HOUR);
  const damp = drift('damp', 4 * HOUR);
  const slowPressure = drift('pressure, days', 30 * HOUR);
  const fastPressure = drift('pressure, hours', 5 * HOUR);
  const clouds = drift('clouds', 12 * MINUTE);
  const hour: Curve = (monoMs) => (((weatherMs(monoMs) % DAY) + DAY) % DAY) / HOUR;
  const outside: Curve = (monoMs) => 21 + 4 * Math.cos(((hour(monoMs) - 15) / 24) * 2 * Math.PI) + 2 * warmth(monoMs);
  const daylight: Curve = (monoMs) => {
    const height = Math.sin(((hour(monoMs) - 6) / 12) * Math.PI);
    return height > 0 ? 900 * height ** 1.3 * (0.65 + 0.35 * clouds(monoMs)) : 0;
  };

  // People: somebody may come through the door once in each 20 s, more often by day; the lamp is on in dark hours.
  const people = seedOf(seed, 'people');
  const SLOT = 20 * SECOND;
  const door: Curve = (monoMs) => {
    const slot = Math.floor(monoMs / SLOT);
    const chance = hour(slot * SLOT) > 7 && hour(slot * SLOT) < 19 ? 0.7 : 0.25;
    if (uniformAt(people, 3 * slot) > chance) return 0;
    const openMs = 2 * SECOND + 6 * SECOND * uniformAt(people, 3 * slot + 1);
    const fromMs = (SLOT - openMs - SECOND) * uniformAt(people, 3 * slot + 2);
    const inSlotMs = monoMs - slot * SLOT;
    return inSlotMs >= fromMs && inSlotMs < fromMs + openMs ? 1 : 0;
  };
  const lamp: Curve = (monoMs) => (hour(monoMs) > 17.5 && hour(monoMs) < 22.5 ? 1 : 0);

  // A motor: runs for 45 s of each minute; the shaft turns at 20 to 30 Hz.
  const shaftHz = 20 + 10 * uniformAt(seedOf(seed, 'motor'), 0);
  const running: Curve = (monoMs) => {
    const inCycleMs = ((monoMs % MINUTE) + MINUTE) % MINUTE;
    return Math.max(0, Math.min(1, inCycleMs / 1_500, (45 * SECOND - inCycleMs) / 1_500));
  };
  const turn = (monoMs: number, order: number, phase: number): number =>
    Math.sin((order * shaftHz * (monoMs / SECOND) * 2 + phase) * Math.PI);

  return {
    world(sensorId) {
      const own = seedOf(seed, sensorId);
      const share = (name: string) => 2 * uniformAt(seedOf(own, name), 0) - 1;
      /** What a sensor sees more than its neighbour: a fixed part and one that wanders within seconds. */
      const place = (name: string, fixed: number, moving: number): Curve => {
        const moves = seedOf(own, `${name}, moving`);
        const offset = fixed * share(name);
        return (monoMs) => offset + moving * wander(moves, monoMs, 7 * SECOND);
      };
      /** White noise at any rate up to 16 kHz. */
      const hiss = (name: string, amplitude: number): Curve => {
        const noise = seedOf(own, name);
        return (monoMs) => {
          const sample = Math.round(monoMs * 16);
          return amplitude * (uniformAt(noise, 2 * sample) + uniformAt(noise, 2 * sample + 1) - 1);
        };
      };
      const sum =
        (...curves: readonly Curve[]): Curve =>
        (monoMs) =>
          curves.reduce((all, curve) => all + curve(monoMs), 0);

      const temperature = sum(outside, place('temperature', 0.8, 0.06));
      const humid = place('humidity', 2, 0.3);
      const light = 1 + 0.3 * share('illuminance');
      const flicker = place('illuminance', 0, 0.01);
      const shaking = 1 + 0.2 * share('motor');
      const phase = share('phase');
      const knocks = knocking(seedOf(own, 'shocks'));
      const beganKnocks = knocks(beganMonoMs);

      const curves: Readonly<Record<string, Curve>> = {
        temperature,
        // The water in the air changes slowly; warmer air is drier for the same water.
        humidity: (monoMs) =>
          Math.max(3, Math.min(97, 48 - 2.2 * (temperature(monoMs) - 21) + 9 * damp(monoMs) + humid(monoMs))),
        pressure: sum(
          (monoMs) => 1_013 + 9 * slowPressure(monoMs) + 2 * fastPressure(monoMs),
          place('pressure', 0.4, 0.04),
        ),
        illuminance: (monoMs) =>
          Math.max(0, (0.8 + daylight(monoMs) + 320 * lamp(monoMs)) * light * (1 + flicker(monoMs))),
        // Daylight has more of it than the lamp.
        infrared: (monoMs) => 0.25 - 0.15 * lamp(monoMs),
        contact: door,
        lamp,
        acceleration_x: sum((monoMs) => shaking * running(monoMs) * 1.3 * turn(monoMs, 1, phase), hiss('x', 0.12)),
        acceleration_y: sum(
          (monoMs) => shaking * running(monoMs) * (turn(monoMs, 1, phase + 0.5) + 0.25 * turn(monoMs, 2, phase)),
          hiss('y', 0.12),
        ),
        acceleration_z: sum(
          (monoMs) => GRAVITY + shaking * running(monoMs) * 0.5 * turn(monoMs, 2, phase),
          hiss('z', 0.12),
        ),
        angular_velocity_x: hiss('turn x', 0.02),
        angular_velocity_y: hiss('turn y', 0.02),
        angular_velocity_z: hiss('turn z', 0.02),
        shocks: (monoMs) => knocks(monoMs) - beganKnocks,
        co2: (monoMs) => 620 + 180 * damp(monoMs) + 40 * humid(monoMs),
        // Stale air has more of what a metal oxide burns.
        gas_resistance: (monoMs) => 60_000 - 25_000 * damp(monoMs),
        voltage: sum(() => 3.3, place('voltage', 0.02, 0.005)),
        current: (monoMs) => 0.05 + 0.4 * running(monoMs),
      };
      return {
        clock,
        value: (what, monoMs = clock.monotonic()) => curves[what]?.(monoMs) ?? 0,
        random: uniformFrom(seedOf(own, 'random')),
      };
    },
  };
}

/** Counts knocks since ever: one in 3 s on average, sometimes a handful in a second, sometimes none for long. */
function knocking(seed: number): Curve {
  const MEAN_MS = 3_000;
  const CELL_MS = 15_000;
  // The time of knocks runs unevenly. Its slope stays positive, so that a count never falls: 1.5 x 2 x 4.5 s / 15 s < 1.
  const unevenMs = 4_500;
  return (monoMs) => Math.floor((monoMs + unevenMs * wander(seed, monoMs, CELL_MS)) / MEAN_MS);
}
