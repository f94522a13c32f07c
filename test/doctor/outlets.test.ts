/** The doctor on HTTP and file uplinks: what it can say without leaving anything there. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type ScriptedServer, startHttpServer } from '../uplink/http-server.ts';
import { type FakeBoard, fakeBoard, HEALTHY, type Told } from './board.ts';

let board: FakeBoard;
let server: ScriptedServer;
beforeEach(async () => {
  board = await fakeBoard();
  board.machine.clock = systemClock;
  server = await startHttpServer();
});
afterEach(async () => {
  await server.close().catch(() => undefined);
  await board.close();
});

/** What is said of this uplink. */
async function told(uplink: string): Promise<readonly Told[]> {
  board.config(
    HEALTHY('mqtt://x')
      .replace(/( {2}cloud:) .*/, `$1 ${uplink}`)
      .replace(/ {2}(air|lamp):.*\n/g, ''),
  );
  return (await board.ask()).told.filter(({ check }) => check === 'uplinks.cloud');
}

describe('an HTTP uplink', () => {
  it('is there when its server answers; nothing is posted', async () => {
    expect(await told(`{ type: http, url: "${server.url}" }`)).toEqual([
      {
        check: 'uplinks.cloud',
        state: 'ok',
        message: `127.0.0.1:${server.port} answers; nothing is posted to try it, because the server would keep it`,
      },
    ]);
    expect(server.got).toEqual([]);
  });

  it('is a fault when nothing listens', async () => {
    await server.close();
    expect(await told(`{ type: http, url: "${server.url}" }`)).toMatchObject([
      {
        state: 'fault',
        message: `nothing listens at 127.0.0.1:${server.port}`,
        fix: 'start the server there, or correct url:',
      },
    ]);
  });

  it('is a fault when the port speaks no TLS, with the URL that would do', async () => {
    expect(await told(`{ type: http, url: "https://localhost:${server.port}/x" }`)).toMatchObject([
      { state: 'fault', fix: `set url: "http://localhost:${server.port}", or its TLS port (often 443)` },
    ]);
  });
});

describe('a file uplink', () => {
  const STICK = '{ type: file, directory: /media/usb/sedge, mount_point: /media/usb }';
  const mount = () => board.write('/proc/self/mountinfo', '22 1 0:21 / /media/usb rw,relatime - vfat /dev/sda1 rw\n');
  beforeEach(() => board.write('/media/usb/sedge/.keep'));

  it('is a fault when the stick may not be written', async () => {
    mount();
    expect(await told(STICK)).toMatchObject([
      { state: 'fault', message: '/media/usb/sedge may not be written by pi', fix: 'sudo chown pi /media/usb/sedge' },
    ]);
  });

  it('is well when the stick is in and has room', async () => {
    mount();
    chmodSync(join(board.root, 'media/usb/sedge'), 0o777);
    expect(await told(STICK)).toMatchObject([
      { state: 'ok', message: expect.stringMatching(/^\/media\/usb\/sedge can be written, \d+ MB free$/) },
    ]);
  });

  it('waits when nothing is mounted', async () => {
    expect(await told(STICK)).toMatchObject([
      { state: 'warning', message: 'nothing is mounted at /media/usb: readings wait in the journal' },
    ]);
  });

  it('waits when the stick has no such directory, with the command that makes it', async () => {
    mount();
    board.remove('/media/usb/sedge');
    expect(await told(STICK)).toMatchObject([{ state: 'warning', fix: expect.stringContaining('sudo mkdir') }]);
  });

  it('is a fault when something else is there', async () => {
    mount();
    board.remove('/media/usb/sedge');
    board.write('/media/usb/sedge', 'a file');
    expect(await told(STICK)).toMatchObject([{ state: 'fault', message: '/media/usb/sedge is no directory' }]);
  });
});
