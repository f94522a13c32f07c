import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text as allOf } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandIo } from '../../src/cli/command.ts';
import { receive } from '../../src/cli/receive.ts';
import { encodeBatch } from '../../src/uplink/formats/json.ts';
import { until } from '../until.ts';
import { readings, STREAM } from '../uplink/array-source.ts';
import { type ScriptedBroker, type ScriptedClient, startScriptedBroker } from '../uplink/scripted-broker.ts';

let directory: string;
let broker: ScriptedBroker;
let publishOnSubscribe: [number, string][] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sedge-receive-'));
  publishOnSubscribe = [];
  broker = await startScriptedBroker({
    onSubscribe: (client) => {
      for (const [messageId, payload] of publishOnSubscribe) push(client, messageId, payload);
    },
  });
});
afterEach(async () => {
  await broker.close();
  await rm(directory, { recursive: true, force: true });
});

const push = (client: ScriptedClient, messageId: number, payload: string) =>
  client.send({
    cmd: 'publish',
    topic: 'sedge/greenhouse-1/readings',
    payload,
    qos: 1,
    messageId,
    retain: false,
    dup: false,
  });

const batchText = (
  from: number,
  to: number,
  gaps: Parameters<typeof encodeBatch>[0]['gaps'] = [],
  skippedSeqs: readonly number[] = [],
) =>
  encodeBatch(
    {
      stream: STREAM,
      volatile: false,
      previous: undefined,
      range: { first: from, last: to },
      records: readings(from, to).filter(({ seq }) => !skippedSeqs.includes(seq)),
      skippedSeqs,
      gaps,
      position: { stream: STREAM, seq: to, gaps },
    },
    { device: 'greenhouse-1', maxBytes: 100_000 },
  )[0]!.payload;

/** The command itself, in this process, with streams of our own. */
function run(values: Record<string, string>) {
  const stop = new AbortController();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const io = {
    stdin: process.stdin,
    stdout,
    stderr,
    env: {},
    cwd: directory,
    version: '1.2.3',
    signal: stop.signal,
    onHangup: () => undefined,
    onStray: () => undefined,
  } as unknown as CommandIo;
  const status = receive.run(io, { values: { url: broker.url, ...values }, positionals: [] });
  const finish = () => {
    stdout.end();
    stderr.end();
  };
  status.then(finish, finish);
  return { status, stop: () => stop.abort(), stdout: allOf(stdout), stderr: allOf(stderr) };
}
const lines = (text: string) => text.trimEnd().split('\n');

describe('sedge receive', () => {
  it('subscribes durably, writes records one a line, and acknowledges them', async () => {
    publishOnSubscribe = [[1, batchText(1, 2)]];
    const command = run({});
    await until('acknowledged', () => broker.acknowledged.length === 1);
    command.stop();
    expect(await command.status).toBe(0);
    expect(broker.subscriptions).toEqual(['sedge/+/readings']);
    expect(broker.connects[0]).toMatchObject({ clean: false, properties: { sessionExpiryInterval: 0xffff_ffff } });
    expect(lines(await command.stdout)[0]).toBe(
      `{"device":"greenhouse-1","stream":"${STREAM}","seq":1,"time":"2026-11-22T12:00:01.000Z","sensor":"air","values":{"temperature":20.01}}`,
    );
    const stderr = await command.stderr;
    expect(stderr).toMatch(/greenhouse-1\/air +temperature +2 +20\.01 +20\.015 +20\.02 +20\.02/);
    expect(stderr).toContain('records: 2, duplicates removed: 0, missing: 0, gaps: 0 (0 lost)');
    expect(broker.clients[0]!.disconnected).toBe(true);
  });

  it('removes duplicates, also across restarts with the same file, and finds its session again', async () => {
    publishOnSubscribe = [
      [1, batchText(1, 3)],
      [2, batchText(2, 4)],
    ];
    const first = run({ out: 'all.jsonl' });
    await until('acknowledged', () => broker.acknowledged.length === 2);
    first.stop();
    expect(await first.status).toBe(0);
    publishOnSubscribe = [[1, batchText(3, 6)]];
    const second = run({ out: 'all.jsonl' });
    await until('acknowledged', () => broker.acknowledged.length === 3);
    second.stop();
    await second.status;
    const written = lines(await readFile(join(directory, 'all.jsonl'), 'utf8')).map((line) => JSON.parse(line).seq);
    expect(written).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await second.stderr).toContain('records: 6, duplicates removed: 2, missing: 0');
    const [one, two] = broker.connects;
    expect(one!.clientId).toBe(two!.clientId);
    expect(one!.clientId).toMatch(/^sedge-receive-[0-9a-f]{16}$/);
  });

  it('cuts off a line that a crash tore, and takes its record again', async () => {
    publishOnSubscribe = [[1, batchText(1, 2)]];
    const first = run({ out: 'all.jsonl' });
    await until('acknowledged', () => broker.acknowledged.length === 1);
    first.stop();
    await first.status;
    const file = join(directory, 'all.jsonl');
    const whole = await readFile(file, 'utf8');
    await writeFile(file, whole.slice(0, -10));
    const second = run({ out: 'all.jsonl' });
    await until('acknowledged', () => broker.acknowledged.length === 2);
    second.stop();
    await second.status;
    expect(await readFile(file, 'utf8')).toBe(whole);
  });

  it('writes csv, one value a row, and cuts off a record that is not whole', async () => {
    const [reading] = readings(1, 1);
    const payload = batchText(1, 1).replace(reading!.valuesJson, '{"temperature":20.5,"humidity":40}');
    publishOnSubscribe = [[1, payload]];
    const first = run({ out: 'all.csv', format: 'csv' });
    await until('acknowledged', () => broker.acknowledged.length === 1);
    first.stop();
    await first.status;
    const file = join(directory, 'all.csv');
    const whole = await readFile(file, 'utf8');
    expect(lines(whole)).toEqual([
      'device,stream,kind,seq,to,lost,reason,time,duration_ms,sensor,channel,value,channels,clock,boot,mono_ms',
      `greenhouse-1,${STREAM},reading,1,,,,2026-11-22T12:00:01.000Z,,air,temperature,20.5,2,,,`,
      `greenhouse-1,${STREAM},reading,1,,,,2026-11-22T12:00:01.000Z,,air,humidity,40,2,,,`,
    ]);
    await writeFile(file, `${lines(whole).slice(0, 2).join('\n')}\n`);
    const second = run({ out: 'all.csv', format: 'csv' });
    await until('acknowledged', () => broker.acknowledged.length === 2);
    second.stop();
    await second.status;
    expect(await readFile(file, 'utf8')).toBe(whole);
  });

  it.each(['jsonl', 'csv'])('knows after a restart what was skipped and what is missing, from %s', async (format) => {
    const out = `all.${format}`;
    publishOnSubscribe = [
      [1, batchText(1, 5, [], [2, 4])],
      [2, batchText(6, 8, [], [6, 7, 8])],
      [3, batchText(10, 11)],
      [4, batchText(12, 14, [], [14])],
    ];
    const first = run({ out, format });
    await until('acknowledged', () => broker.acknowledged.length === 4);
    first.stop();
    await first.status;
    const said = ['missing: 1 of 9..9', 'records: 7, duplicates removed: 0, missing: 1'];
    for (const part of said) expect(await first.stderr).toContain(part);
    const whole = await readFile(join(directory, out), 'utf8');
    expect(whole).not.toContain('skipped');
    const skipped = lines(await readFile(join(directory, `${out}.skipped`), 'utf8')).map((line) => JSON.parse(line));
    expect(skipped.map(({ skipped: { from, to, count } }) => [from, to, count])).toEqual([
      ...[
        [1, 5, 2],
        [6, 8, 3],
        [12, 14, 1],
      ],
    ]);
    // The last message again, as after a lost acknowledgement, and one more.
    publishOnSubscribe = [
      [1, batchText(12, 14, [], [14])],
      [2, batchText(15, 15)],
    ];
    const second = run({ out, format });
    await until('acknowledged', () => broker.acknowledged.length === 6);
    second.stop();
    await second.status;
    const summary = await second.stderr;
    expect(summary.match(/missing: \d+ of .*/g)).toEqual([`missing: 1 of 9..9, greenhouse-1, stream ${STREAM}`]);
    expect(summary).toContain('records: 8, duplicates removed: 2, missing: 1');
    const after = await readFile(join(directory, out), 'utf8');
    expect([after.startsWith(whole), lines(after).length]).toEqual([true, lines(whole).length + 1]);
  });

  it('reports gaps as lines and numbers that are missing without one', async () => {
    const gap = { stream: STREAM, from: 3, to: 5, lost: 3, reason: 'journal_full' } as const;
    publishOnSubscribe = [
      [1, batchText(1, 2)],
      [2, batchText(6, 6, [gap])],
      [3, batchText(7, 7, [gap])],
      [4, batchText(10, 10)],
    ];
    const command = run({});
    await until('acknowledged', () => broker.acknowledged.length === 4);
    command.stop();
    await command.status;
    const out = lines(await command.stdout);
    expect(out.filter((line) => line.includes('"gap"'))).toEqual([
      `{"device":"greenhouse-1","gap":{"stream":"${STREAM}","from":3,"to":5,"lost":3,"reason":"journal_full"}}`,
    ]);
    const stderr = await command.stderr;
    expect(stderr).toContain('missing: 2 of 8..9, greenhouse-1');
    expect(stderr).toContain('records: 5, duplicates removed: 0, missing: 2, gaps: 1 (3 lost)');
  });

  it('leaves out what is no batch, and goes on', async () => {
    publishOnSubscribe = [
      [1, 'no json'],
      [2, '{"format":2}'],
      [3, batchText(1, 1).replace('"air"', '"a,b"')],
      [4, batchText(1, 1)],
    ];
    const command = run({});
    await until('acknowledged', () => broker.acknowledged.length === 4);
    command.stop();
    await command.status;
    expect(lines(await command.stdout)).toHaveLength(1);
    expect(await command.stderr).toContain('it is no JSON');
  });

  it('does not acknowledge what it cannot write, and fails', async () => {
    publishOnSubscribe = [[1, batchText(1, 1)]];
    const command = run({ out: '/dev/full' });
    await expect(command.status).rejects.toMatchObject({ code: 'receive.output' });
    expect(broker.acknowledged).toEqual([]);
  });

  it('does not touch a file that is none of its own', async () => {
    await writeFile(join(directory, 'notes.txt'), 'my notes');
    const command = run({ out: 'notes.txt' });
    await expect(command.status).rejects.toMatchObject({ code: 'usage' });
    expect(await readFile(join(directory, 'notes.txt'), 'utf8')).toBe('my notes');
  });

  it.each([
    [{ url: '' }, 'mqtt://'],
    [{ url: 'http://broker' }, 'mqtt://'],
    [{ topic: 'a/b#' }, 'topic filter'],
    [{ format: 'xml' }, 'jsonl or csv'],
    [{ 'password-file': 'nowhere' }, 'Cannot read nowhere'],
  ])('says what is wrong with %j', async (values, text) => {
    await expect(run(values as Record<string, string>).status).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(text),
    });
  });

  it('comes back after the connection was lost, and keeps the password to itself', async () => {
    await writeFile(join(directory, 'password'), 'canary\n');
    const command = run({ username: 'u', 'password-file': 'password' });
    await until('subscribed', () => broker.subscriptions.length === 1);
    publishOnSubscribe = [[1, batchText(1, 1)]];
    broker.clients[0]!.kill();
    await until('acknowledged', () => broker.acknowledged.length === 1);
    command.stop();
    await command.status;
    expect(broker.connects[0]!.password?.toString()).toBe('canary');
    expect((await command.stderr) + (await command.stdout)).not.toContain('canary');
  });
});
