/** The reference vectors as part of the test suite, and proof that the runner notices what it should. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drivers } from '../drivers/index.ts';
import type { VectorFile, VectorRow } from './vector-judge.ts';
import { rowRunners } from './vector-rows.ts';
import { lineOf, runFile, runVectors } from './vector-runner.ts';
import { exchangesOf } from './vector-wire.ts';

const DIRECTORY = new URL('vectors/', import.meta.url);
const load = async (sensor: string): Promise<VectorFile> =>
  JSON.parse(await readFile(new URL(`${sensor}.json`, DIRECTORY), 'utf8'));

describe('the reference vectors', async () => {
  const files = (await readdir(DIRECTORY)).map((name) => name.replace('.json', ''));

  it.each(Object.keys(rowRunners))('of %s hold', async (sensor) => {
    const { failures, total } = await runFile(await load(sensor));
    expect(failures).toEqual([]);
    expect(total).toBeGreaterThan(0);
  });

  it.each(files.filter((name) => drivers[name]))('of %s are all run, because it has a driver', async (sensor) => {
    const result = await runFile(await load(sensor));
    expect(lineOf(result)).toBe(`${sensor}: ${result.total}/${result.total}`);
  });
});

describe('the runner of vectors', () => {
  /** The rows of a file that match, changed, must all fail. */
  const failuresOf = async (
    sensor: string,
    pick: (row: VectorRow) => boolean,
    change: (row: VectorRow) => VectorRow,
  ) => {
    const file = await load(sensor);
    const vectors = (file.vectors ?? []).filter(pick).slice(0, 20).map(change);
    expect(vectors.length).toBeGreaterThan(0);
    const { failures } = await runFile({ ...file, vectors });
    return { failed: failures.length, of: vectors.length };
  };
  const isPlain = (row: VectorRow) => row.note === undefined;
  const withExpect = (row: VectorRow, expected: Record<string, unknown> | null): VectorRow => ({
    ...row,
    expect: expected,
  });
  const shifted = (member: string, by: number) => (row: VectorRow) =>
    withExpect(row, { ...row.expect, [member]: Number(row.expect?.[member]) + by });

  it.each([
    ['bme280', 'temperature', 0.021],
    ['bme280', 'pressure', 1.6],
    ['bme280', 'humidity', 0.051],
    ['sht4x', 'temperature', 0.011],
    ['sht4x', 'humidity', 0.011],
    ['bh1750', 'illuminance', 20],
    ['htu21d', 'temperature', 0.003],
    ['htu21d', 'humidity', 0.002],
    ['si7021', 'temperature', 0.003],
    ['si7021', 'humidity', 0.002],
    ['hdc1080', 'temperature', 0.004],
    ['hdc1080', 'humidity', 0.003],
    ['hdc2080', 'temperature', 0.004],
    ['hdc2080', 'humidity', 0.003],
    ['mcp9808', 'temperature', 0.0625],
    ['lm75', 'temperature', 0.0625],
    ['tmp102', 'temperature', 0.0625],
    ['tmp117', 'temperature', 0.0078125],
    ['ina219', 'busVoltage', 0.004],
    ['ina219', 'shuntVoltage', 0.00001],
    ['ina219', 'current', 0.00004],
    ['ina219', 'power', 0.0008],
    ['ads1115', 'voltage', 0.0000078125],
    ['bmp280', 'pressure', 1.1],
    ['bmp388', 'pressure', 0.6],
    ['bme680', 'gasResistance', 100_000],
    ['aht20', 'humidity', 0.002],
    ['scd4x', 'co2', 1],
    ['opt3001', 'illuminance', 1],
    ['tsl2591', 'illuminance', 50],
    ['veml7700', 'illuminance', 50],
    ['vibration', 'rms', 0.01],
    ['vibration', 'dominantHz', 10],
    ['vibration', 'velocityRmsHann_mm_s', 1],
  ])('notices a value of %s that is off: %s by %d', async (sensor, member, by) => {
    const { failed, of } = await failuresOf(sensor, isPlain, shifted(member, by));
    expect(failed).toBe(of);
  });

  const REFUSING = [
    ...['bme280', 'sht4x', 'bh1750', 'adxl345', 'htu21d', 'si7021', 'hdc1080', 'hdc2080', 'mcp9808', 'lm75', 'tmp102'],
    ...['tmp117', 'ina219', 'ads1115'],
    ...['bme680', 'bmp280', 'bmp388', 'aht20', 'scd4x', 'sht3x'],
    ...['lis3dh', 'mpu6050', 'opt3001', 'tsl2561', 'tsl2591', 'veml7700'],
  ];
  it.each(REFUSING)('notices a value of %s that should have been refused', async (sensor) => {
    const { failed, of } = await failuresOf(sensor, isPlain, (row) => withExpect(row, null));
    expect(failed).toBe(of);
  });

  it('notices a channel that should have been left out', async () => {
    const { failed, of } = await failuresOf('bme280', isPlain, (row) =>
      withExpect(row, { ...row.expect, pressure: null }),
    );
    expect(failed).toBe(of);
  });

  it.each(['bme280', 'sht4x', 'htu21d', 'si7021', 'mcp9808', 'tmp117'])(
    'notices a refusal of %s that should have been a value',
    async (sensor) => {
      const { failed, of } = await failuresOf(
        sensor,
        (row) => row.expect === null,
        (row) => withExpect(row, { temperature: 20 }),
      );
      expect(failed).toBe(of);
    },
  );

  it('notices a refusal for the wrong reason', async () => {
    const { failed, of } = await failuresOf(
      'bme280',
      (row) => row.error === 'chip-id',
      (row) => ({ ...row, error: 'crc' }),
    );
    expect(failed).toBe(of);
  });

  it('notices a value at the rail that is not said to be saturated, and the other way round', async () => {
    const saturated = await failuresOf(
      'bh1750',
      (row) => row.saturated === true,
      ({ saturated: _, ...row }) => row,
    );
    expect(saturated.failed).toBe(saturated.of);
    const plain = await failuresOf('bh1750', isPlain, (row) => ({ ...row, saturated: true }));
    expect(plain.failed).toBe(plain.of);
  });

  it.each([
    ['sht4x', 8.4],
    // These two ask a slow chip a few times more.
    ['htu21d', 70.1],
    ['hdc1080', 22.9],
  ])('notices a driver of %s that would not wait as long as the chip takes', async (sensor, delayMs) => {
    const { failed, of } = await failuresOf(sensor, isPlain, (row) => {
      const commands = exchangesOf(row).map((exchange) => ({ ...exchange, delayMs }));
      return { ...row, wire: { commands } };
    });
    expect(failed).toBe(of);
  });

  it('counts every row, and skips a file with rows that nobody owns unless one of the others fails', async () => {
    const file = await load('bosch-timing');
    const rows = file.vectors ?? [];
    const stranger = { id: 'stranger', sensor: 'no-such-chip' };
    expect(lineOf(await runFile(file))).toBe('bosch-timing: 216/216');
    expect(lineOf(await runFile({ ...file, vectors: [...rows, stranger] }))).toBe('bosch-timing: skipped');
    const spoilt = rows.map((row) => (row.sensor === 'bme280' ? { ...row, maxDelayUs: 1 } : row));
    const result = await runFile({ ...file, vectors: [...spoilt, stranger] });
    expect(lineOf(result)).toBe('bosch-timing: 114/217');
  });

  describe('on a directory', () => {
    let directory = '';
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'sedge-vectors-'));
    });
    afterAll(() => rm(directory, { recursive: true }));

    const run = async (files: Readonly<Record<string, string>>) => {
      for (const name of await readdir(directory)) await rm(join(directory, name));
      for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
      const lines: string[] = [];
      const complaints: string[] = [];
      const status = await runVectors(
        directory,
        (line) => lines.push(line),
        (line) => complaints.push(line),
      );
      return { status, lines, complaints };
    };
    const row = (crc: string) => ({ id: 'row', poly: '0x31', init: '0xFF', data: 'beef', crc });

    it('prints one line a file and ends well when all rows pass', async () => {
      const files = {
        'a.json': JSON.stringify({ sensor: 'crc8', vectors: [row('92')] }),
        'b.json': JSON.stringify({ sensor: 'no-such-chip', vectors: [row('92')] }),
        'behaviour.json': JSON.stringify({ sensors: {} }),
      };
      expect(await run(files)).toEqual({
        status: 0,
        lines: ['crc8: 1/1', 'no-such-chip: skipped', 'behaviour: skipped'],
        complaints: [],
      });
    });

    it('ends with 1 when a row fails, and says which', async () => {
      const files = { 'a.json': JSON.stringify({ sensor: 'crc8', vectors: [row('92'), row('93')] }) };
      expect(await run(files)).toEqual({
        status: 1,
        lines: ['crc8: 1/2'],
        complaints: ['row: computed 92 instead of 93'],
      });
    });

    it('ends with 1 when a file is damaged, or when there is none', async () => {
      expect((await run({ 'a.json': '{' })).status).toBe(1);
      expect((await run({})).status).toBe(1);
    });
  });
});
