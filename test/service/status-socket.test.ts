/** The service's end of `sedge status` on real sockets: what it answers, and what it refuses, replaces and never touches. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, virtualClock } from '../../src/clock.ts';
import { createLog } from '../../src/service/log.ts';
import type { StatusPlace } from '../../src/service/status-place.ts';
import { openStatusSocket, type StatusSocket } from '../../src/service/status-socket.ts';
import { askService } from '../../src/status/client.ts';

let directory: string;
let place: StatusPlace;
let lines: string[];
const opened: StatusSocket[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-status-'));
  const own = join(directory, 'own');
  place = { socket: join(own, 'a.sock'), directory: own, socketMode: 0o600, isPrivate: true };
  lines = [];
});
afterEach(async () => {
  for (const socket of opened.splice(0)) await socket.close();
  rmSync(directory, { recursive: true, force: true });
});

const uid = process.getuid?.();
const open = async (more: Partial<Parameters<typeof openStatusSocket>[0]> = {}) => {
  const clock = virtualClock();
  const log = createLog({ clock, write: (line) => lines.push(line) });
  const socket = await openStatusSocket({ place, clock, log, uid, report: async () => ({ format: 1, n: 7 }), ...more });
  opened.push(socket);
  return { socket, clock };
};

/** What the service says until it closes the connection. */
const say = (text: string, path = place.socket): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect(path, () => text !== '' && socket.write(text));
    socket.setEncoding('utf8');
    socket.on('data', (piece) => {
      answer += piece;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });

describe('the status socket', () => {
  it('answers one line with one line, and closes', async () => {
    await open();
    expect(await say('{"get":"status"}\n')).toBe('{"format":1,"n":7}\n');
    expect(await say('{"get":"status"}\n{"get":"status"}\n')).toBe('{"format":1,"n":7}\n');
    expect(lines).toEqual([]);
  });

  it('is for the user alone, or as its place says', async () => {
    await open();
    expect(lstatSync(place.directory).mode & 0o777).toBe(0o700);
    expect(lstatSync(place.socket).mode & 0o777).toBe(0o600);
    const socket = join(directory, 'b.sock');
    await open({ place: { socket, directory, socketMode: 0o660, isPrivate: false } });
    expect(lstatSync(socket).mode & 0o777).toBe(0o660);
  });

  it.each([
    ['another request', '{"set":"status"}\n', /the only request/],
    ['no JSON', 'GET / HTTP/1.1\r\n\r\n', /the only request/],
    ['null', 'null\n', /the only request/],
    ['a long line', `${'x'.repeat(5_000)}\n`, /at most 1024 bytes/],
    ['a long line without an end', 'x'.repeat(5_000), /at most 1024 bytes/],
  ])('says what is wrong with %s', async (_what, request, text) => {
    await open();
    expect(JSON.parse(await say(request))).toEqual({ error: expect.stringMatching(text) });
  });

  it('says so when no report can be made', async () => {
    await open({ report: async () => Promise.reject(new Error('the journal hangs')) });
    expect(JSON.parse(await say('{"get":"status"}\n'))).toEqual({ error: 'the journal hangs' });
    expect(lines.join('')).toContain('status.failed');
  });

  it('lets go of one that says nothing, and of too many', async () => {
    const { clock } = await open();
    const silent = Array.from({ length: 20 }, () => say(''));
    const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
    await settled();
    expect(clock.sleepers).toBeLessThanOrEqual(8);
    await clock.advance(5_000);
    await Promise.all(silent);
    expect(clock.sleepers).toBe(0);
    expect(await say('{"get":"status"}\n')).toContain('"n":7');
  });

  it('goes with the service, also while somebody is connected', async () => {
    const { socket } = await open();
    const silent = say('');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await socket.close();
    await socket.close();
    expect(await silent).toBe('');
    expect(existsSync(place.socket)).toBe(false);
  });
});

describe('a place that is taken', () => {
  it('by what a killed process left is made free', async () => {
    mkdirSync(place.directory, { mode: 0o700 });
    const script = `require('net').createServer().listen(${JSON.stringify(place.socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(lstatSync(place.socket).isSocket()).toBe(true);
    await open();
    expect(await say('{"get":"status"}\n')).toContain('"n":7');
    expect(lines).toEqual([]);
  });

  it('by a live service stays with it', async () => {
    await open();
    const second = await open({ report: async () => ({ n: 8 }) });
    expect(lines.join('')).toMatch(/^warn: status.unavailable message=".*another process answers/);
    await second.socket.close();
    expect(await say('{"get":"status"}\n')).toContain('"n":7');
  });

  it('by a file is never removed', async () => {
    mkdirSync(place.directory, { mode: 0o700 });
    writeFileSync(place.socket, 'mine');
    await open();
    expect(lines.join('')).toContain('is no socket');
    expect(lstatSync(place.socket).isFile()).toBe(true);
  });

  it('by a directory that others may write, or a link to one, is not used', async () => {
    mkdirSync(place.directory);
    chmodSync(place.directory, 0o777);
    await open();
    expect(lines.join('')).toContain('is not a directory of this user alone');
    rmSync(place.directory, { recursive: true });
    mkdirSync(join(directory, 'real'), { mode: 0o700 });
    symlinkSync(join(directory, 'real'), place.directory);
    await open();
    expect(existsSync(place.socket)).toBe(false);
  });

  it('whose path is too long for a socket is a warning', async () => {
    const socket = join(place.directory, `${'x'.repeat(150)}.sock`);
    await open({ place: { ...place, socket } });
    expect(lines.join('')).toContain('status.unavailable');
  });
});

describe('the client', () => {
  const ask = (sockets: readonly string[], isWanted = (_: object) => true) =>
    askService({ sockets, isWanted, clock: systemClock });

  it('takes the first service that is the right one', async () => {
    await open();
    const nobody = join(directory, 'nobody.sock');
    expect(await ask([nobody, place.socket])).toMatchObject({ socket: place.socket, report: { n: 7 } });
    await expect(ask([place.socket], () => false)).rejects.toMatchObject({
      code: 'status.unreachable',
      message: expect.stringContaining('name it with --config'),
    });
  });

  it('says what to do when nobody answers', async () => {
    await expect(ask([join(directory, 'nobody.sock')])).rejects.toMatchObject({
      code: 'status.unreachable',
      message: expect.stringContaining('start it with "sedge run"'),
    });
  });

  it.each([
    ['closes at once', ''],
    ['speaks another language', 'HTTP/1.1 400\r\n\r\n'],
    ['is of another version', '{"format":2}\n'],
    ['sends half a line', '{"format":1'],
    ['never ends', 'x'.repeat(5 * 1024 * 1024)],
  ])('is not confused by one that %s', async (_what, text) => {
    const path = join(directory, 'odd.sock');
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(text));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await expect(ask([path])).rejects.toMatchObject({ code: 'status.unreachable' });
    await new Promise((resolve) => server.close(resolve));
  });

  it.skipIf(uid === 0)('says that a group is missing where it may not ask (root may everywhere)', async () => {
    await open();
    chmodSync(place.socket, 0);
    await expect(ask([place.socket])).rejects.toMatchObject({
      message: expect.stringContaining('join the group sedge'),
    });
  });
});
