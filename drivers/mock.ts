/**
 * Values without a sensor, for trying things out: a constant, a sine, a random walk, or a recorded CSV file.
 *
 * Repeatable: the sine depends on the clock alone, the walk on its seed, the replay on its file. A cell of the file
 * without a number is a failed read (`sensor.no-data`), so that a recording may have holes; so is the end of the file
 * with `loop: false`.
 */
import {
  type Channel,
  type Options,
  type OptionTable,
  type PollDriver,
  type Quantity,
  SedgeError,
  UNITS,
} from '../src/driver.ts';

/** Steps that a walk needs from one end to the other, at least. */
const WALK_STEPS = 20;
/** Rows of a file kept in memory, 8 bytes each. */
const MAX_ROWS = 1_000_000;
const ANYTHING = 1e9;

const options: OptionTable = {
  wave: {
    kind: 'choice',
    choices: ['constant', 'sine', 'walk', 'replay'],
    default: 'constant',
    doc: 'The shape of the values.',
  },
  value: { kind: 'number', default: 0, min: -ANYTHING, max: ANYTHING, doc: 'What constant says.' },
  min: { kind: 'number', default: 0, min: -ANYTHING, max: ANYTHING, doc: 'Lowest value of sine and walk.' },
  max: { kind: 'number', default: 1, min: -ANYTHING, max: ANYTHING, doc: 'Highest value of sine and walk.' },
  period: { kind: 'duration', default: 60_000, min: 1, doc: 'Length of one turn of the sine.' },
  seed: { kind: 'integer', default: 1, min: 0, max: 2 ** 31 - 1, doc: 'Another seed is another walk.' },
  file: { kind: 'file', doc: 'The CSV file that replay says, one row a read.' },
  column: { kind: 'string', doc: 'Heading of the column to replay; the first column unless said.' },
  loop: { kind: 'boolean', default: true, doc: 'Replay begins again after the last row.' },
  quantity: {
    kind: 'choice',
    choices: Object.keys(UNITS),
    default: 'ratio',
    doc: 'What the value counts as; fixes its unit.',
  },
  decimals: { kind: 'integer', default: 3, min: 0, max: 9, doc: 'Digits after the decimal point.' },
};

/** Where a sine from `min` to `max` is; it starts in the middle, upwards. */
export function sineAt(monoMs: number, periodMs: number, min: number, max: number): number {
  return (min + max) / 2 + ((max - min) / 2) * Math.sin((2 * Math.PI * (monoMs % periodMs)) / periodMs);
}

/** A linear congruential generator (modulus 2^32, Numerical Recipes' constants), in [0, 1). Good enough to wander. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A walk that starts in the middle and turns back at its ends. */
export function walk(seed: number, min: number, max: number): () => number {
  const random = generator(seed);
  let at = (min + max) / 2;
  return () => {
    at += (random() * 2 - 1) * ((max - min) / WALK_STEPS);
    if (at > max) at = 2 * max - at;
    if (at < min) at = 2 * min - at;
    return at;
  };
}

const cells = (line: string): string[] => line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
const numberOf = (cell: string | undefined): number => (cell ? Number(cell) : Number.NaN);

/**
 * One column of a CSV text (commas, semicolons or tabs; no separator inside quotes). NaN stands for a hole.
 * Undefined when the column is not there or holds no number. A first row without a number is the heading.
 */
export function csvColumn(text: string, column?: string): Float64Array | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const heading = cells((lines[0] ?? '').replace(/^\uFEFF/, ''));
  const index = column === undefined ? 0 : heading.indexOf(column);
  if (index < 0) return undefined;
  const hasHeading = column !== undefined || Number.isNaN(numberOf(heading[0]));
  const rows = Float64Array.from(lines.slice(hasHeading ? 1 : 0), (line) => numberOf(cells(line)[index]));
  return rows.some(Number.isFinite) ? rows : undefined;
}

function channel(chosen: Options): Channel {
  const decimals = chosen.decimals as number;
  const bounded = chosen.wave === 'sine' || chosen.wave === 'walk';
  const [min, max] = bounded ? [chosen.min as number, chosen.max as number] : [-ANYTHING, ANYTHING];
  return { quantity: chosen.quantity as Quantity, min, max, resolution: 10 ** -decimals, decimals };
}

const driver: PollDriver<'files'> = {
  api: 1,
  id: 'mock',
  title: 'Values without a sensor: constant, sine, walk, replay of a CSV file',
  datasheet: 'none: there is no hardware',
  // Replay reads a file.
  bus: 'files',
  kind: 'poll',
  channels: { value: { quantity: 'ratio', min: -ANYTHING, max: ANYTHING, resolution: 0.001, decimals: 3 } },
  options,
  worstCaseMs: 1_000,
  variant(chosen) {
    if (chosen.wave === 'replay' && chosen.file === undefined) {
      throw new SedgeError('config.invalid', '`wave: replay` needs a CSV file: set `file`');
    }
    return { channels: { value: channel(chosen) } };
  },
  async open({ device, clock, options: chosen, fail }) {
    const { wave } = chosen;
    const [value, min, max] = [chosen.value as number, chosen.min as number, chosen.max as number];
    const periodMs = chosen.period as number;
    if ((wave === 'sine' || wave === 'walk') && min >= max)
      throw fail('config.invalid', `mock: min ${min} is not below max ${max}: exchange them`);

    const replay = async (): Promise<() => number> => {
      const file = chosen.file as string | undefined;
      const column = chosen.column as string | undefined;
      if (file === undefined) throw fail('config.invalid', 'mock: replay needs a CSV file: set the option file');
      const rows = csvColumn(await device.readText(file), column);
      if (rows === undefined)
        throw fail(
          'config.invalid',
          `mock: ${file} has no numbers in its ${column === undefined ? 'first column' : `column ${column}`}: set the option column to a heading of the file`,
        );
      if (rows.length > MAX_ROWS)
        throw fail('config.invalid', `mock: ${file} has more than ${MAX_ROWS} rows: split the file`);
      let next = 0;
      return () => {
        if (next === rows.length && chosen.loop) next = 0;
        if (next === rows.length) throw fail('sensor.no-data', `mock: ${file} has ended: set loop: true to go on`);
        const at = rows[next]!;
        next += 1;
        if (!Number.isFinite(at)) throw fail('sensor.no-data', `mock: row ${next} of ${file} holds no number`);
        return at;
      };
    };

    const say =
      wave === 'sine'
        ? () => sineAt(clock.monotonic(), periodMs, min, max)
        : wave === 'walk'
          ? walk(chosen.seed as number, min, max)
          : wave === 'replay'
            ? await replay()
            : () => value;
    return { read: async () => ({ value: say() }), close: async () => {} };
  },
};

export default driver;
