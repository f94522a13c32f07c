/**
 * How sealed records are packed, and which of them thinning keeps: the journal's `BlockCodec`. Like codec.ts it knows both
 * what a reading is and how it stands in a record; the journal sees bytes.
 *
 * A block is u8 1, then, deflated: the series (type, version, flags, duration, sensor, the text of the values without
 * its numbers, decimals of each number), the order in which they take turns, their wall and monotonic times, and one
 * column for each number: integers in the sensor's own step, as differences. A record that does not fit stands as it is.
 * Promise: what comes out is to the byte what went in.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type PackedReading, pack, RECORD_VERSION, unpack } from './codec.ts';
import { decimalText, partsOf, type SplitText, splitNumbers } from './decimals.ts';
import type { BlockCodec, JournalRecord } from './journal/types.ts';
import { type ByteReader, type ByteWriter, byteReader, byteWriter, MAX_WHOLE } from './varint.ts';

const BLOCK_VERSION = 1;
/** Bound on what a damaged block could make of itself. */
const MAX_UNPACKED_BYTES = 16 * 1024 * 1024;
const LEVEL = 6;

interface Row {
  readonly series: Series;
  readonly wallMs: number;
  readonly monoMs: number;
}
interface Series {
  readonly first: JournalRecord;
  readonly durationMs: number | undefined;
  readonly sensor: string;
  readonly template: string;
  /** A column per number of the template. */
  readonly columns: { decimals: number; readonly digits: number[]; readonly places: number[] }[];
  readonly index: number;
}

const isWhole = (value: number): boolean =>
  Number.isInteger(value) && Math.abs(value) < MAX_WHOLE && !Object.is(value, -0);

export const blockCodec: BlockCodec = {
  pack(records) {
    const series = new Map<string, Series>();
    const asTheyAre: JournalRecord[] = [];
    // The journal's order is that of the turns, in which series 0 stands for a record that is kept as it is.
    const rows = records.map((record) => {
      const row = rowOf(record, series);
      if (!row) asTheyAre.push(record);
      return row;
    });
    const writer = byteWriter();
    writer.unsigned(records.length);
    writer.unsigned(series.size);
    for (const one of series.values()) writeSeries(writer, one);
    for (const row of rows) writer.unsigned(row ? row.series.index : 0);
    writeTimes(writer, rows);
    for (const { columns } of series.values()) for (const column of columns) writeColumn(writer, column);
    for (const { type, version, payload } of asTheyAre) {
      writer.unsigned(type);
      writer.unsigned(version);
      writer.bytes(payload);
    }
    return Buffer.concat([Buffer.of(BLOCK_VERSION), deflateRawSync(writer.done(), { level: LEVEL })]);
  },

  unpack(bytes) {
    if (bytes[0] !== BLOCK_VERSION) throw new RangeError(`a packed block of version ${bytes[0]}`);
    const reader = byteReader(inflateRawSync(bytes.subarray(1), { maxOutputLength: MAX_UNPACKED_BYTES }));
    const count = reader.unsigned();
    const series = Array.from({ length: reader.unsigned() }, () => readSeries(reader));
    const turns = Array.from({ length: count }, () => reader.unsigned());
    const times = readTimes(reader, turns);
    const counts = series.map(() => 0);
    for (const turn of turns) if (turn > 0) counts[turn - 1]! += 1;
    const texts = series.map((one, index) => readTexts(reader, one, counts[index]!));
    const taken = series.map(() => 0);
    return turns.map((turn, at): JournalRecord => {
      if (turn === 0) return { type: reader.unsigned(), version: reader.unsigned(), payload: reader.bytes() };
      const { kind, synced, durationMs, sensor } = series[turn - 1]!;
      const { wallMs, monoMs } = times[at]!;
      const valuesJson = texts[turn - 1]![taken[turn - 1]!++]!;
      const reading = { kind, sensor, at: { wallMs, monoMs, synced }, valuesJson };
      return pack(durationMs === undefined ? reading : { ...reading, durationMs });
    });
  },

  keep: keptByThinning,
};

/** Undefined for what this program cannot read. */
function readingOf(record: JournalRecord): PackedReading | undefined {
  try {
    return unpack(record);
  } catch {
    return undefined;
  }
}

/** Undefined for a record that has to stay as it is. */
function rowOf(record: JournalRecord, series: Map<string, Series>): Row | undefined {
  const reading = readingOf(record);
  if (!reading) return undefined;
  const { at, durationMs, sensor, valuesJson } = reading;
  if (!isWhole(at.wallMs) || !isWhole(at.monoMs) || (durationMs !== undefined && !isWhole(durationMs))) {
    return undefined;
  }
  const split = splitNumbers(valuesJson);
  if (!split) return undefined;
  const key = `${record.type} ${at.synced} ${durationMs} ${sensor} ${split.template}`;
  const known = series.get(key);
  if (known && !fits(known, split)) return undefined;
  const one = known ?? {
    first: record,
    durationMs,
    sensor,
    template: split.template,
    columns: split.digits.map(() => ({ decimals: 0, digits: [], places: [] })),
    index: series.size + 1,
  };
  series.set(key, one);
  for (const [index, column] of one.columns.entries()) {
    column.digits.push(split.digits[index]!);
    column.places.push(split.decimals[index]!);
    column.decimals = Math.max(column.decimals, split.decimals[index]!);
  }
  return { series: one, wallMs: at.wallMs, monoMs: at.monoMs };
}

/** A column has one step: that of its finest number. All its numbers must be exact integers in it. */
function fits({ columns }: Series, { digits, decimals }: SplitText): boolean {
  return columns.every((column, index) => {
    const finest = Math.max(column.decimals, decimals[index]!);
    if (finest === column.decimals) return Math.abs(digits[index]!) * 10 ** (finest - decimals[index]!) < MAX_WHOLE;
    return [...column.digits, digits[index]!].every((number, at) => {
      const places = column.places[at] ?? decimals[index]!;
      return Math.abs(number) * 10 ** (finest - places) < MAX_WHOLE;
    });
  });
}

function writeSeries(writer: ByteWriter, { first, durationMs, sensor, template, columns }: Series): void {
  const reading = unpack(first)!;
  writer.unsigned(first.type);
  writer.unsigned((reading.at.synced ? 1 : 0) | (durationMs === undefined ? 0 : 2));
  if (durationMs !== undefined) writer.signed(durationMs);
  writer.text(sensor);
  writer.text(template);
  for (const { decimals } of columns) writer.unsigned(decimals);
}

function readSeries(reader: ByteReader) {
  const type = reader.unsigned();
  const flags = reader.unsigned();
  const durationMs = flags & 2 ? reader.signed() : undefined;
  const sensor = reader.text();
  const parts = partsOf(reader.text());
  const decimals = parts.slice(1).map(() => reader.unsigned());
  // The kind as codec.ts names it.
  const kind = unpack({ type, version: RECORD_VERSION, payload: EMPTY })?.kind;
  if (!kind) throw new RangeError(`a packed record of type ${type}`);
  return { kind, synced: (flags & 1) !== 0, durationMs, sensor, parts, decimals };
}
const EMPTY = Buffer.alloc(18);

/**
 * Sensors take turns on one grid, so the time from the record before is about what it was a turn ago; and the two clocks
 * run side by side, so only what they drift apart is written of the second one.
 */
function writeTimes(writer: ByteWriter, rows: readonly (Row | undefined)[]): void {
  const expect = clockGrid();
  const apart: number[] = [];
  let lastApart = 0;
  for (const row of rows) {
    if (!row) continue;
    writer.signed(row.wallMs - expect.next(row.series.index));
    expect.was(row.series.index, row.wallMs);
    apart.push(row.wallMs - row.monoMs - lastApart);
    lastApart = row.wallMs - row.monoMs;
  }
  for (const difference of apart) writer.signed(difference);
}

function readTimes(reader: ByteReader, turns: readonly number[]): ({ wallMs: number; monoMs: number } | undefined)[] {
  const expect = clockGrid();
  const walls = turns.map((turn) => {
    if (turn === 0) return 0;
    const wallMs = expect.next(turn) + reader.signed();
    expect.was(turn, wallMs);
    return wallMs;
  });
  let apart = 0;
  return turns.map((turn, at) => {
    if (turn === 0) return undefined;
    apart += reader.signed();
    return { wallMs: walls[at]!, monoMs: walls[at]! - apart };
  });
}

function clockGrid() {
  const steps = new Map<number, number>();
  let lastMs = 0;
  return {
    next: (series: number) => lastMs + (steps.get(series) ?? 0),
    was(series: number, ms: number) {
      steps.set(series, ms - lastMs);
      lastMs = ms;
    },
  };
}

function writeColumn(writer: ByteWriter, { decimals, digits, places }: Series['columns'][number]): void {
  let last = 0;
  for (const [at, number] of digits.entries()) {
    const whole = number * 10 ** (decimals - places[at]!);
    writer.signed(whole - last);
    last = whole;
  }
}

/** The values of one series as text, one after the other. */
function readTexts(reader: ByteReader, { parts, decimals }: ReturnType<typeof readSeries>, count: number): string[] {
  const columns = decimals.map(() => {
    let last = 0;
    return Array.from({ length: count }, () => {
      last += reader.signed();
      return last;
    });
  });
  return Array.from({ length: count }, (_, at) =>
    columns.reduce(
      (text, column, index) => text + decimalText(column[at]!, decimals[index]!) + parts[index + 1]!,
      parts[0]!,
    ),
  );
}

/** Every so many readings of a sensor one stays, besides its smallest and its largest. */
const KEEP_EVERY = 10;

/** Events and windows all stay; of the readings of each sensor those with a smallest or largest value, and every n-th. */
function keptByThinning(records: readonly JournalRecord[]): boolean[] {
  const kept = records.map(() => false);
  const seen = new Map<
    string,
    { count: number; readonly low: (Extreme | undefined)[]; readonly high: (Extreme | undefined)[] }
  >();
  for (const [at, record] of records.entries()) {
    const reading = readingOf(record);
    const split = reading?.kind === 'reading' ? splitNumbers(reading.valuesJson) : undefined;
    if (!reading || !split) {
      kept[at] = true;
      continue;
    }
    const key = `${reading.sensor} ${split.template}`;
    const sensor = seen.get(key) ?? { count: 0, low: [], high: [] };
    seen.set(key, sensor);
    if (sensor.count++ % KEEP_EVERY === 0) kept[at] = true;
    for (const [index, digits] of split.digits.entries()) {
      const value = digits / 10 ** split.decimals[index]!;
      if (value < (sensor.low[index]?.value ?? Number.POSITIVE_INFINITY)) sensor.low[index] = { value, at };
      if (value > (sensor.high[index]?.value ?? Number.NEGATIVE_INFINITY)) sensor.high[index] = { value, at };
    }
  }
  for (const { low, high } of seen.values())
    for (const extreme of [...low, ...high]) if (extreme) kept[extreme.at] = true;
  return kept;
}
interface Extreme {
  readonly value: number;
  readonly at: number;
}
