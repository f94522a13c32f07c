/**
 * A simulated INA219 on a module with a shunt of 0.1 Ohm, transcribed from the datasheet.
 * Models: modes once and always with the typical time of each number of samples, power-down, ranges that clip,
 * calibration, overflow, the conversion-ready flag and what clears it, the reset.
 * Does not model: 9 to 11 bits other than by their time, noise, the shunt's own warmth.
 */
import { simulatedConverter } from '../src/bus/converter.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';
import { wordRegisterChip } from '../src/bus/word-registers.ts';

const SHUNT_OHM = 0.1;
const POWER_ON = 0x399f;
const RESET = 0x8000;
/** By the lower two bits of a code below 8: 9 to 12 bits. */
const SINGLE_MS = [0.084, 0.148, 0.276, 0.532] as const;

const clip = (value: number, most: number): number => Math.max(-most, Math.min(most, value));
const adcMs = (code: number): number => (code < 8 ? SINGLE_MS[code & 0b11]! : 0.532 * 2 ** (code - 8));

function create(world: World) {
  let config = POWER_ON;
  let calibration = 0;
  let ready = false;
  let overflow = false;
  let shunt = 0;
  let bus = 0;
  let current = 0;
  let power = 0;
  const converter = simulatedConverter(world.clock);

  const settle = () => {
    const endMs = converter.ended();
    if (endMs === undefined) return;
    const mode = config & 0b111;
    if (mode & 0b01) {
      const most = 4_000 * 2 ** ((config >> 11) & 0b11);
      shunt = clip(Math.round((world.value('current', endMs) * SHUNT_OHM) / 10e-6), most);
    }
    if (mode & 0b10) {
      const most = config & 0x2000 ? 8_000 : 4_000;
      bus = Math.max(0, clip(Math.round(world.value('voltage', endMs) / 4e-3), most));
    }
    const product = Math.trunc((shunt * calibration) / 4_096);
    current = clip(product, 0x7fff);
    power = Math.trunc((Math.abs(current) * bus) / 5_000);
    overflow = product !== current || power > 0xffff;
    ready = true;
  };
  const begin = () => {
    const mode = config & 0b111;
    const durationMs = (mode & 0b01 ? adcMs((config >> 3) & 0xf) : 0) + (mode & 0b10 ? adcMs((config >> 7) & 0xf) : 0);
    if (durationMs === 0) converter.stop();
    else converter.start(mode & 0b100 ? 'always' : 'once', durationMs);
  };

  begin();
  return wordRegisterChip({
    read(register) {
      settle();
      if (register === 0x00) return config;
      if (register === 0x01) return shunt;
      if (register === 0x02) return (bus << 3) | (ready ? 0b10 : 0) | (overflow ? 0b01 : 0);
      if (register === 0x03) {
        ready = false;
        return power & 0xffff;
      }
      if (register === 0x04) return current;
      return register === 0x05 ? calibration : 0;
    },
    write(register, value) {
      settle();
      if (register === 0x05) calibration = value & 0xfffe;
      if (register !== 0x00) return;
      if (value & RESET) {
        config = POWER_ON;
        calibration = shunt = bus = current = power = 0;
        overflow = false;
        ready = false;
      } else {
        config = value & 0x3fff;
        if ((config & 0b11) !== 0) ready = false;
      }
      begin();
    },
  });
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
