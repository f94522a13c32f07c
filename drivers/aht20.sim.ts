/**
 * A simulated AHT20, transcribed from the datasheet; it also understands what an AHT10 is told.
 * Models: 100 ms after power-on in which it answers zeros and does nothing, the status with busy and calibrated, a batch
 * that is not calibrated until it is initialised, a measurement's 80 ms (read before, it answers busy with old numbers and
 * a right checksum), soft reset, checksum.
 * Does not model: what a chip measures that is not calibrated (it gives 0 here), self-heating, noise.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const POWER_UP_MS = 100;
const MEASUREMENT_MS = 80;
const RESET_MS = 20;
const INITIALISE_MS = 10;
const IDLE_STATUS = 0x10;
const CALIBRATED_BIT = 0x08;
const BUSY_BIT = 0x80;

/** CRC-8 with the polynomial x8+x5+x4+1 and the initial value ones, one bit after the other as a shift register does. */
function checksum(bytes: readonly number[]): number {
  let register = 0xff;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const feedback = ((register >> 7) ^ (byte >> bit)) & 1;
      register = ((register << 1) & 0xff) ^ (feedback ? 0x31 : 0);
    }
  }
  return register;
}

const to20Bits = (share: number): number => Math.min(0xfffff, Math.max(0, Math.round(share * 0x100000)));

function create(world: World) {
  const poweredMs = world.clock.monotonic();
  let isCalibrated = false;
  let deafUntilMs = Number.NEGATIVE_INFINITY;
  let initialisedMs: number | undefined;
  let measuredMs: number | undefined;
  let numbers = { humidity: 0, temperature: 0 };

  /** Lets what takes time come to its end, if it has. */
  const settle = (nowMs: number) => {
    if (initialisedMs !== undefined && nowMs >= initialisedMs) {
      initialisedMs = undefined;
      isCalibrated = true;
    }
    if (measuredMs !== undefined && nowMs >= measuredMs) {
      numbers = isCalibrated
        ? {
            humidity: to20Bits(world.value('humidity', measuredMs) / 100),
            temperature: to20Bits((world.value('temperature', measuredMs) + 50) / 200),
          }
        : { humidity: 0, temperature: 0 };
      measuredMs = undefined;
    }
  };

  return {
    write(bytes: Uint8Array): boolean {
      const nowMs = world.clock.monotonic();
      if (nowMs < deafUntilMs) return false;
      if (nowMs - poweredMs < POWER_UP_MS) return true;
      settle(nowMs);
      const isBusy = measuredMs !== undefined || initialisedMs !== undefined;
      const [command, first] = bytes;
      if (command === 0xba) {
        isCalibrated = false;
        initialisedMs = undefined;
        measuredMs = undefined;
        deafUntilMs = nowMs + RESET_MS;
      } else if ((command === 0xbe || command === 0xe1) && first === 0x08 && !isBusy) {
        initialisedMs = nowMs + INITIALISE_MS;
      } else if (command === 0xac && first === 0x33 && !isBusy) {
        measuredMs = nowMs + MEASUREMENT_MS;
      }
      return true;
    },
    read(length: number): Uint8Array | null {
      const nowMs = world.clock.monotonic();
      if (nowMs < deafUntilMs) return null;
      if (nowMs - poweredMs < POWER_UP_MS) return new Uint8Array(length);
      settle(nowMs);
      const isBusy = measuredMs !== undefined || initialisedMs !== undefined;
      const status = IDLE_STATUS | (isCalibrated ? CALIBRATED_BIT : 0) | (isBusy ? BUSY_BIT : 0);
      const { humidity, temperature } = numbers;
      const bytes = [
        status,
        humidity >> 12,
        (humidity >> 4) & 0xff,
        ((humidity & 0x0f) << 4) | (temperature >> 16),
        (temperature >> 8) & 0xff,
        temperature & 0xff,
      ];
      return Uint8Array.from([...bytes, checksum(bytes)]).subarray(0, length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
