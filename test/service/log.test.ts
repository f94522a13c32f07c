import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { createLog, type LogOptions } from '../../src/service/log.ts';

function captured(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const clock = virtualClock();
  return { lines, clock, log: createLog({ clock, write: (line) => lines.push(line), ...options }) };
}

describe('a line of the log', () => {
  it('is one event with key=value, quoted where it must be', () => {
    const { log, lines } = captured();
    log.warn('sensor.offline', { sensor: 'air', code: 'bus.nack', message: 'nobody\nanswers', name: undefined });
    log.info('service.started', { sensors: 3, simulate: true });
    expect(lines).toEqual([
      'warn: sensor.offline sensor=air code=bus.nack message="nobody\\nanswers"\n',
      'service.started sensors=3 simulate=true\n',
    ]);
  });

  it('begins with journald’s level under systemd', () => {
    const { log, lines } = captured({ journald: true, level: 'debug' });
    log.error('a.b');
    log.warn('a.b', { code: 'x' });
    log.info('a.b');
    log.debug('a.b');
    expect(lines).toEqual(['<3>a.b\n', '<4>a.b code=x\n', '<6>a.b\n', '<7>a.b\n']);
  });

  it.each([
    ['error', 1],
    ['warn', 2],
    ['info', 3],
    ['debug', 4],
  ] as const)('is written from level %s up', (level, count) => {
    const { log, lines } = captured({ level });
    log.error('a.e');
    log.warn('a.w');
    log.info('a.i');
    log.debug('a.d');
    expect(lines).toHaveLength(count);
  });

  it('is an object in JSON: time, level, event, fields', () => {
    const { log, lines } = captured({ format: 'json' });
    log.warn('sensor.offline', { sensor: 'air', message: 'says "no"', level: 'not this', retry_ms: 5 });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        time: '2026-11-22T12:00:00.000Z',
        level: 'warn',
        event: 'sensor.offline',
        sensor: 'air',
        message: 'says "no"',
        retry_ms: 5,
      },
    ]);
    expect(lines[0]).toMatch(/^\{"time":.*\}\n$/);
  });

  it.each(['text', 'json'] as const)('never moves a terminal, breaks a line or shows a password (%s)', (format) => {
    const { log, lines } = captured({ format });
    log.warn('uplink.offline', {
      message: 'no \u001b[2J\u009b1m\r\n\u2028 mqtts://user:canary@broker.example:8883',
      long: 'x'.repeat(100_000),
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('canary');
    expect(lines[0]).toContain('***@broker.example');
    expect(lines[0]!.trimEnd()).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u2028]+$/);
    expect(lines[0]!.length).toBeLessThan(2_000);
  });
});

describe('what comes again', () => {
  const fail = (log: ReturnType<typeof captured>['log'], sensor = 'air', code = 'bus.nack') =>
    log.warn('sensor.offline', { sensor, code, message: `attempt ${Math.random()}` });

  it('is counted, and told after 10 s, 1 min and then every 10 min, with the last of it', async () => {
    const { log, lines, clock } = captured();
    for (let second = 0; second < 1_300; second++) {
      fail(log);
      await clock.advance(1_000);
    }
    expect(lines.map((line) => line.replace(/message="[^"]*" ?/, '').trim())).toEqual([
      'warn: sensor.offline sensor=air code=bus.nack',
      'warn: sensor.offline sensor=air code=bus.nack again="9 times in 10 s"',
      'warn: sensor.offline sensor=air code=bus.nack again="60 times in 1 min"',
      'warn: sensor.offline sensor=air code=bus.nack again="600 times in 10 min"',
      'warn: sensor.offline sensor=air code=bus.nack again="600 times in 10 min"',
    ]);
  });

  it('is folded also when it comes rarely, if it said that it would: a broker that is away', async () => {
    const { log, lines, clock } = captured();
    for (let attempt = 0; attempt < 30; attempt++) {
      log.warn('uplink.offline', { uplink: 'cloud', code: 'uplink.unreachable', message: 'nobody', retry_ms: 60_000 });
      await clock.advance(60_000);
    }
    expect(lines.map((line) => /again="(.*)"/.exec(line)?.[1])).toEqual([
      undefined,
      '1 time in 1 min',
      '10 times in 10 min',
      '10 times in 10 min',
    ]);
    await clock.advance(20 * 60_000);
    expect(clock.sleepers).toBe(0);
  });

  it('row 34: is at most one line in ten seconds per cause, at a thousand errors a second', async () => {
    const { log, lines, clock } = captured();
    for (let tenth = 0; tenth < 300; tenth++) {
      for (let error = 0; error < 100; error++) fail(log);
      await clock.advance(100);
    }
    log.flush();
    expect(lines).toHaveLength(3);
    const told = lines.map((line) => Number(/again="(\d+)/.exec(line)?.[1] ?? 1));
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(30_000);
  });

  it('is new when it is another sensor or another code, and after a quiet time', async () => {
    const { log, lines, clock } = captured();
    fail(log, 'air', 'bus.nack');
    fail(log, 'air', 'bus.timeout');
    fail(log, 'lamp', 'bus.nack');
    expect(lines).toHaveLength(3);
    await clock.advance(10_000);
    fail(log, 'air', 'bus.nack');
    expect(lines).toHaveLength(4);
    expect(lines.join('')).not.toContain('again');
  });

  it('is told apart by its message, but for the numbers in it, where nothing else says who and why', () => {
    const { log, lines } = captured();
    log.warn('configuration.warning', { message: 'the device id localhost is a generic one' });
    log.warn('configuration.warning', { message: 'the file is readable by all' });
    for (let at = 0; at < 50; at++) log.warn('journal.damaged', { message: `block ${at}` });
    expect(lines).toHaveLength(3);
  });

  it('goes for a contact that comes and goes, whose last state is told', async () => {
    const { log, lines, clock } = captured();
    for (let turn = 0; turn < 4; turn++) {
      fail(log);
      await clock.advance(1_000);
      log.info('sensor.online', { sensor: 'air' });
      await clock.advance(1_000);
    }
    await clock.advance(20_000);
    expect(lines.map((line) => line.split(' ').filter((word) => /^sensor\.|again/.test(word)))).toEqual([
      ['sensor.offline'],
      ['sensor.online'],
      ['sensor.offline', 'again="3'],
      ['sensor.online', 'again="3'],
    ]);
  });

  it('is never a service event that is no failure', () => {
    const { log, lines } = captured();
    log.info('configuration.reloaded', { done: 'nothing changed' });
    log.info('configuration.reloaded', { done: 'sensor air restarted' });
    expect(lines).toHaveLength(2);
  });

  it('carries numbers in JSON', async () => {
    const { log, lines, clock } = captured({ format: 'json' });
    for (let count = 0; count < 3; count++) fail(log);
    await clock.advance(10_000);
    expect(JSON.parse(lines[1]!)).toMatchObject({ event: 'sensor.offline', again: 2, again_ms: 10_000 });
  });

  it('is remembered for so many causes and no more; the rest is folded by event', async () => {
    const { log, lines, clock } = captured();
    for (let round = 0; round < 3; round++) for (let index = 0; index < 5_000; index++) fail(log, `s${index}`);
    expect(lines.length).toBeLessThan(260);
    expect(clock.sleepers).toBeLessThan(260);
    log.flush();
    await clock.advance(0);
    expect(clock.sleepers).toBe(0);
  });

  it('leaves no timer when it is quiet again', async () => {
    const { log, clock } = captured();
    fail(log);
    await clock.advance(10_000);
    expect(clock.sleepers).toBe(0);
  });
});

it('every event of the program is named area.event', () => {
  const root = join(import.meta.dirname, '../../src');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const events = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\blog\.(?:error|warn|info|debug)\(\s*'([^']*)'/g)].map(
      (match) => match[1]!,
    ),
  );
  expect(events.length).toBeGreaterThan(10);
  expect(events.filter((event) => !/^[a-z]+\.[a-z]+(-[a-z]+)*$/.test(event))).toEqual([]);
});
