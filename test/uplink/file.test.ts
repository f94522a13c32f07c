/** The file uplink: what is in the files, a stick that comes and goes, a full one, and `kill -9` of the real program. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileUplinkConfig } from '../../src/config/types.ts';
import { FORMATS } from '../../src/receive/formats.ts';
import { gap, sample } from '../contract/sample.ts';
import { startSedge, until } from '../sedge-process.ts';
import { arraySource, readings, STREAM } from './array-source.ts';
import { type RequestRig, type RequestRigOptions, startRequestRig } from './request-rig.ts';

let directory: string;
const rigs: RequestRig[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-stick-'));
});
afterEach(async () => {
  for (const { uplink } of rigs.splice(0)) await uplink.stop(0);
  rmSync(directory, { recursive: true, force: true });
});

async function station(more: Partial<FileUplinkConfig> = {}, options: RequestRigOptions = {}): Promise<RequestRig> {
  const rig = await startRequestRig(
    {
      type: 'file',
      name: 'stick',
      directory,
      format: 'jsonl',
      rotate: { sizeBytes: 1_000_000, everyMs: 86_400_000 },
      ...more,
      batch: { maxReadings: 10, maxBytes: 100_000, maxWaitMs: 0, ...more.batch },
    },
    options,
  );
  rigs.push(rig);
  return rig;
}
const names = (at = directory) => readdirSync(at).sort();
const linesIn = (at = directory) =>
  names(at).flatMap((name) => readFileSync(join(at, name), 'utf8').split('\n').slice(0, -1));
const recordsIn = (lines: readonly string[]) =>
  lines.map((line) => JSON.parse(line)).filter((line) => line.seq !== undefined);
const seqs = (lines = linesIn()) => recordsIn(lines).map(({ seq }) => seq as number);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('what is in the files', () => {
  const written = async (format: 'jsonl' | 'csv') => {
    const source = arraySource();
    source.previous = sample.previous;
    source.push(...sample.records);
    source.pushGap(gap);
    const rig = await station({ format }, { source });
    await rig.passing('all is acknowledged', () => rig.acknowledged() === 1045);
    const [name, ...more] = names();
    expect(more).toEqual([]);
    expect(name).toMatch(new RegExp(`^greenhouse-1-stick-000001-20261122T1200\\d\\dZ\\.${format}$`));
    return readFileSync(join(directory, name!), 'utf8');
  };

  it('as JSON lines: each record with device and stream, what the batch says, and the gap', async () => {
    const lines = (await written('jsonl'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.slice(0, 2)).toEqual([
      { device: 'greenhouse-1', gap },
      { device: 'greenhouse-1', batch: { stream: STREAM, first: 1041, last: 1045, previous: sample.previous } },
    ]);
    expect(lines.slice(2)).toMatchObject(
      sample.records.map(({ seq, time, sensor, valuesJson, kind }) => ({
        device: 'greenhouse-1',
        stream: STREAM,
        ...(kind !== 'reading' && { kind }),
        ...{ seq, time, sensor },
        values: JSON.parse(valuesJson),
      })),
    );
  });

  it('as JSON lines, is what `sedge receive` would have written', async () => {
    const lines = (await written('jsonl'))
      .trimEnd()
      .split('\n')
      .filter((line) => !line.includes('"batch":'));
    const reader = FORMATS.jsonl.reader();
    expect(lines.map((line) => reader.line(line))).toMatchObject([
      { device: 'greenhouse-1', gap },
      ...sample.records.map(({ seq, sensor }) => ({ stream: STREAM, record: { seq, sensor } })),
    ]);
  });

  it('as CSV: one header, a row per value', async () => {
    const rows = parse(await written('csv'), { columns: true, record_delimiter: '\r\n' }) as Record<string, string>[];
    expect(rows.map(({ kind, seq }) => `${kind} ${seq}`)).toEqual([
      ...['previous 1040', 'gap 900', 'reading 1041', 'reading 1041', 'reading 1041', 'reading 1042', 'reading 1043'],
      ...['event 1044', 'window 1045', 'window 1045'],
    ]);
  });

  it('in several files, when one is full', async () => {
    const rig = await station({ rotate: { sizeBytes: 10_000, everyMs: 86_400_000 } });
    rig.source.push(...readings(1, 500));
    await rig.passing('all is acknowledged', () => rig.acknowledged() === 500);
    expect(names().length).toBeGreaterThan(5);
    for (const name of names()) expect(readFileSync(join(directory, name)).length).toBeLessThanOrEqual(10_000);
    expect(seqs()).toEqual(range(1, 500));
  });

  it('going on after a restart, under numbers that were never given', async () => {
    const first = await station();
    first.source.push(...readings(1, 5));
    await first.passing('5', () => first.acknowledged() === 5);
    await first.uplink.stop(1_000);
    // The person took the files along.
    for (const name of names()) rmSync(join(directory, name));
    const second = await station({}, { memory: first.memory });
    second.source.push(...readings(6, 9));
    await second.passing('9', () => second.acknowledged() === 9);
    expect(names()).toEqual([expect.stringMatching(/^greenhouse-1-stick-000002-/)]);
  });
});

describe('a stick', () => {
  it('that is not there is an outage: readings wait, nothing is made, and it is used soon after it comes', async () => {
    const stick = join(directory, 'stick');
    const rig = await station({ directory: stick });
    rig.source.push(...readings(1, 30));
    await rig.passing('it is missed', () => rig.uplink.status().error !== undefined);
    expect(rig.uplink.status()).toMatchObject({ connected: false, error: { code: 'uplink.storage' } });
    await rig.clock.advance(600_000);
    expect(names()).toEqual([]);
    // One line in the log, however long it lasts.
    expect(
      rig.logLines.filter((line) => line.includes('uplink.offline') && line.startsWith('warn')).length,
    ).toBeLessThan(2);
    mkdirSync(stick);
    await rig.clock.advance(5_000);
    await rig.passing('all is acknowledged', () => rig.acknowledged() === 30);
    expect(seqs(linesIn(stick))).toEqual(range(1, 30));
  });

  it('that is swapped: each reading is on one of the two', async () => {
    const stick = join(directory, 'stick');
    const first = join(directory, 'first');
    mkdirSync(stick);
    const rig = await station({ directory: stick });
    rig.source.push(...readings(1, 30));
    await rig.passing('30', () => rig.acknowledged() === 30);
    renameSync(stick, first);
    rig.source.push(...readings(31, 60));
    await rig.passing('it is missed', () => rig.uplink.status().error !== undefined);
    mkdirSync(stick);
    await rig.passing('60', () => rig.acknowledged() === 60);
    expect([...seqs(linesIn(first)), ...seqs(linesIn(stick))]).toEqual(range(1, 60));
    expect(names(stick)[0]! > names(first).at(-1)!).toBe(true);
  });

  const canMount = (() => {
    const at = mkdtempSync(join(tmpdir(), 'sedge-mount-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', at], { stdio: 'ignore' });
      execFileSync('umount', [at]);
      return true;
    } catch {
      return false;
    } finally {
      rmSync(at, { recursive: true });
    }
  })();
  it.skipIf(!canMount)(
    'that is full is a backlog; with room again all is there, once (mounts: runs as root)',
    async () => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', directory]);
      try {
        const ballast = join(directory, 'ballast');
        writeFileSync(ballast, Buffer.alloc(40_960));
        const rig = await station({ mountPoint: directory });
        rig.source.push(...readings(1, 500));
        await rig.passing('it is full', () => rig.uplink.status().error !== undefined);
        expect(rig.uplink.status().error?.message).toBe(
          `The directory ${directory} is full: readings wait in the journal until there is room.`,
        );
        const acknowledged = rig.acknowledged();
        // All that was acknowledged is there, and nothing cut off.
        expect(seqs(linesIn().filter((line) => line.startsWith('{')))).toEqual(range(1, acknowledged));
        await rig.clock.advance(60_000);
        expect(names().length).toBe(2);
        rmSync(ballast);
        const roomFor = 300;
        await rig.passing('it goes on', () => rig.acknowledged() >= roomFor);
        expect(new Set(seqs())).toEqual(new Set(range(1, rig.acknowledged())));
        await rig.uplink.stop(0);
      } finally {
        // Lazily: a write that the stop did not wait for may still be under way.
        execFileSync('umount', ['-l', directory]);
      }
    },
  );
});

describe('kill -9 of the program', () => {
  it('loses no line, tears none, and what comes twice is the same', async () => {
    const stick = join(directory, 'stick');
    mkdirSync(stick);
    const config = join(directory, 'sedge.yaml');
    const sensors = range(1, 20).map((n) => `  s${n}: { driver: mock, every: 20ms, options: { wave: walk } }\n`);
    writeFileSync(
      config,
      `version: 1\ndevice: hut\nsensors:\n${sensors.join('')}journal: { directory: journal, commit_every: 10ms }\nuplinks:\n  out: { type: file, directory: stick, rotate: { size: 50KB }, batch: { max_wait: 0s, max_readings: 50 } }\n`,
    );
    const count = () => (existsSync(stick) ? linesIn(stick).length : 0);
    for (let round = 0; round < 4; round++) {
      const before = count();
      const running = startSedge(['run', '--config', config]);
      await until('it writes', () => count() > before + 100 + 37 * round);
      running.kill('SIGKILL');
      await running.ended;
    }
    const last = startSedge(['run', '--config', config]);
    const before = count();
    await until('it writes', () => count() > before + 100);
    last.kill('SIGTERM');
    expect(await last.ended).toBe(0);

    const bySeq = new Map<number, string>();
    const streams = new Set<string>();
    for (const line of linesIn(stick)) {
      const { seq, stream } = JSON.parse(line);
      if (seq === undefined) continue;
      expect(bySeq.get(seq) ?? line).toBe(line);
      bySeq.set(seq, line);
      streams.add(stream);
    }
    expect(streams.size).toBe(5);
    expect([...bySeq.keys()].sort((a, b) => a - b)).toEqual(range(1, Math.max(...bySeq.keys())));
    expect(names(stick).length).toBeGreaterThan(1);
  });
});
