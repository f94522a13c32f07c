/** The part of the vector rows that is about chips of 16-bit registers and their like; see vector-rows.ts. */
import ads1115 from '../drivers/ads1115.ts';
import hdc1080 from '../drivers/hdc1080.ts';
import hdc2080 from '../drivers/hdc2080.ts';
import htu21d from '../drivers/htu21d.ts';
import ina219 from '../drivers/ina219.ts';
import lm75 from '../drivers/lm75.ts';
import mcp9808 from '../drivers/mcp9808.ts';
import si7021, { partOf } from '../drivers/si7021.ts';
import tmp102 from '../drivers/tmp102.ts';
import tmp117 from '../drivers/tmp117.ts';
import type { SimulatedChip } from '../src/bus/sim.ts';
import type { Clock } from '../src/clock.ts';
import { judge, type Members, type VectorFile, type VectorRow } from './vector-judge.ts';
import { AIR } from './vector-rows-air.ts';
import { exchangesOf, readOnce, registerChip } from './vector-wire.ts';

type Runner = (row: VectorRow, file: VectorFile) => Promise<string | undefined>;

interface WordChip extends SimulatedChip {
  /** Pointer -> the bytes that are read there. */
  readonly registers: Map<number, Uint8Array>;
}

/**
 * `{"0x05": "hex"}`: registers behind a pointer that does not count up. What is written is kept, save in those that are
 * `held`; `wrote` may make of it what the chip would have made by the time the row was taken.
 */
function wordChip(
  row: VectorRow,
  held: readonly number[],
  wrote: (chip: WordChip, register: number) => void,
): WordChip {
  const registers = new Map<number, Uint8Array>(
    Object.entries(row.wire ?? {}).map(
      ([register, hex]) => [Number(register), Buffer.from(String(hex), 'hex')] as const,
    ),
  );
  let pointer = 0;
  const chip: WordChip = {
    registers,
    write(bytes) {
      pointer = bytes[0] ?? pointer;
      if (bytes.length > 1 && !held.includes(pointer)) {
        registers.set(pointer, bytes.slice(1));
        wrote(chip, pointer);
      }
      return true;
    },
    read: (length) => Uint8Array.from({ length }, (_, at) => registers.get(pointer)?.[at] ?? 0),
  };
  return chip;
}

const kept = () => {};

/**
 * `{"commands": [...]}`: each command of the row is answered once, no sooner than its delay, whatever comes between them.
 * `answers` are the questions outside of the row that the driver asks: command -> answer at once; null is not acknowledged.
 * Everything else is acknowledged and gives nothing to read.
 */
function conversationChip(
  row: VectorRow,
  clock: Clock,
  answers: Readonly<Record<string, string | null>>,
): SimulatedChip {
  const exchanges = exchangesOf(row);
  let reply: { readonly bytes: Uint8Array; readonly readyMs: number } | undefined;
  return {
    write(bytes) {
      const hex = Buffer.from(bytes).toString('hex');
      const asked = exchanges.find(({ write }) => write === hex);
      const answer = asked ? asked.read : answers[hex];
      reply =
        typeof answer === 'string'
          ? { bytes: Buffer.from(answer, 'hex'), readyMs: clock.monotonic() + (asked?.delayMs ?? 0) }
          : undefined;
      return answer !== null;
    },
    read: () => (reply && clock.monotonic() >= reply.readyMs ? reply.bytes : null),
  };
}

export const runMcp9808: Runner = async (row, file) =>
  judge(row, file, await readOnce(mcp9808, () => wordChip(row, [], kept)), AIR);

const TMP102_CONFIG = 0x01;
const TMP102_ALWAYS_ONE = 0x60;

export const runTmp102: Runner = async (row, file) => {
  const options = { extended: row.config?.extended === true };
  const fix = ({ registers }: WordChip, register: number) => {
    const bytes = registers.get(register)!;
    if (register === TMP102_CONFIG) bytes[0]! |= TMP102_ALWAYS_ONE;
  };
  return judge(row, file, await readOnce(tmp102, () => wordChip(row, [], fix), options), AIR);
};

const TMP117_CONFIG = 0x01;
const TMP117_READY = 0x20;

export const runTmp117: Runner = async (row, file) => {
  // Rows with data ready have come to the end of a conversion; the others are a chip that has just been reset.
  const before = Buffer.from(String(row.wire?.['0x01']), 'hex');
  const ended = (before[0]! & TMP117_READY) !== 0;
  const convert = ({ registers }: WordChip, register: number) => {
    const [high, low] = registers.get(register)!;
    if (register === TMP117_CONFIG && (high! & 0x0c) === 0x0c) {
      registers.set(register, Uint8Array.of((high! & ~0x08) | TMP117_READY, low!));
    }
  };
  const chip = () => wordChip(row, ended ? [] : [TMP117_CONFIG], convert);
  return judge(row, file, await readOnce(tmp117, chip), AIR);
};

const LM75_PARTS: Readonly<Record<number, string>> = { 9: 'lm75', 11: 'lm75b', 12: 'tmp75' };

export const runLm75: Runner = async (row, file) => {
  const chip = LM75_PARTS[Number(row.config?.resolutionBits)];
  if (!chip) return 'no part of ours has this resolution';
  return judge(row, file, await readOnce(lm75, () => wordChip(row, [], kept), { chip }), AIR);
};

const SUPPLY: Members = {
  busVoltage: { channel: 'voltage', scale: 1 },
  shuntVoltage: { channel: 'shunt_voltage', scale: 1 },
  current: { channel: 'current', scale: 1 },
  power: { channel: 'power', scale: 1 },
};
const INA219_CONFIG = 0x00;
const INA219_CALIBRATION = 0x05;

export const runIna219: Runner = async (row, file) => {
  const { shuntOhm, currentLsbA } = row.config ?? {};
  const options = { shunt: Number(shuntOhm), current_step: Number(currentLsbA) };
  const reset = ({ registers }: WordChip, register: number) => {
    const isReset = register === INA219_CONFIG && (registers.get(register)![0]! & 0x80) !== 0;
    if (isReset) registers.set(register, Uint8Array.of(0x39, 0x9f));
  };
  // The calibration is what the row says that it was when the rest was read.
  return judge(row, file, await readOnce(ina219, () => wordChip(row, [INA219_CALIBRATION], reset), options), SUPPLY);
};

const VOLTAGE: Members = { voltage: { channel: 'voltage', scale: 1 } };

export const runAds1115: Runner = async (row, file) => {
  const options = { input: String(row.config?.mux), range: Number(row.config?.pga) };
  return judge(row, file, await readOnce(ads1115, () => wordChip(row, [], kept), options), VOLTAGE);
};

/** Id and, once it is written, configuration. */
const HDC1080_ANSWERS = { ff: '1050', '02': '1000' };

export const runHdc1080: Runner = async (row, file) =>
  judge(row, file, await readOnce(hdc1080, (clock) => conversationChip(row, clock, HDC1080_ANSWERS)), AIR);

export const runHdc2080: Runner = async (row, file) =>
  judge(row, file, await readOnce(hdc2080, () => registerChip(row.wire)), AIR);

/** Electronic id and user register. */
const HTU21D_ANSWERS = { fcc9: '32ff4a07c2e1', e7: '02' };

export const runHtu21d: Runner = async (row, file) =>
  judge(row, file, await readOnce(htu21d, (clock) => conversationChip(row, clock, HTU21D_ANSWERS)), AIR);

const SI7021_ANSWERS = { fcc9: '15ff4a07c2e1', e7: '3a' };

export const runSi7021: Runner = async (row, file) => {
  if (row.expect && 'part' in row.expect) {
    const part = partOf(Buffer.from(exchangesOf(row)[0]?.read ?? '', 'hex'));
    return part?.toLowerCase() === String(row.expect.part).toLowerCase() ? undefined : `took it for ${part}`;
  }
  return judge(row, file, await readOnce(si7021, (clock) => conversationChip(row, clock, SI7021_ANSWERS)), AIR);
};
