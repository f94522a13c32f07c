import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DgramSocket } from 'node-unix-socket';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { createLog, silentLog } from '../../src/service/log.ts';
import { createNotifier, type NotifierOptions } from '../../src/service/notify.ts';

/** Where systemd listens. */
interface Listener {
  readonly path: string;
  /** Waits until `count` messages are there. */
  messages(count: number): Promise<readonly string[]>;
}

let directory: string;
let close: (() => void) | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-notify-'));
});
afterEach(() => {
  close?.();
  close = undefined;
  rmSync(directory, { recursive: true, force: true });
});

function listener(): Listener {
  const path = join(directory, 'notify');
  const seen: string[] = [];
  let arrived = () => {};
  const socket = new DgramSocket();
  socket.on('data', (bytes: Buffer) => {
    seen.push(bytes.toString());
    arrived();
  });
  socket.bind(path);
  close = () => socket.close();
  return {
    path,
    async messages(count) {
      while (seen.length < count) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
      return seen;
    },
  };
}

const missingPackage = () => Promise.reject(new Error("Cannot find package 'node-unix-socket'"));
const open = (env: NodeJS.ProcessEnv, more: Partial<NotifierOptions> = {}) =>
  createNotifier({ env, clock: virtualClock({ monoMs: 5_000.25 }), log: silentLog, pid: 42, ...more });

describe('sd_notify', () => {
  it('is silent where nobody listens', async () => {
    const notifier = await open({});
    expect(notifier.active).toBe(false);
    expect(notifier.watchdogMs).toBeUndefined();
    await notifier.ready();
    await notifier.close();
  });

  it('tells systemd what sd_notify(3) defines, in order', async () => {
    const systemd = listener();
    const notifier = await open({ NOTIFY_SOCKET: systemd.path });
    expect(notifier.active).toBe(true);
    void notifier.extendTimeout(7_500);
    void notifier.ready('8 sensors');
    void notifier.status('8 sensors,\n  1 offline');
    void notifier.reloading();
    void notifier.ready();
    void notifier.stopping('draining');
    await notifier.close();
    expect(await systemd.messages(6)).toEqual([
      'EXTEND_TIMEOUT_USEC=7500000',
      'READY=1\nSTATUS=8 sensors',
      'STATUS=8 sensors, 1 offline',
      'RELOADING=1\nMONOTONIC_USEC=5000250',
      'READY=1',
      'STOPPING=1\nSTATUS=draining',
    ]);
    await notifier.close();
  });

  it('never fails the caller when systemd is gone, and says so once', async () => {
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line) });
    const notifier = await open({ NOTIFY_SOCKET: join(directory, 'nobody') }, { log });
    await notifier.ready();
    await notifier.status('up');
    await notifier.close();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('systemd was not told READY=1');
  });

  it('falls back to systemd-notify without the package, and for abstract sockets', async () => {
    const record = join(directory, 'calls');
    writeFileSync(join(directory, 'systemd-notify'), `#!/bin/sh\nprintf '%s|' "$NOTIFY_SOCKET" "$@" >>${record}\n`, {
      mode: 0o755,
    });
    const { readFileSync } = await import('node:fs');
    const without = await open({ NOTIFY_SOCKET: '/run/x', PATH: directory }, { loadSockets: missingPackage });
    await without.ready('up');
    const abstract = await open({ NOTIFY_SOCKET: '@abstract', PATH: `/nowhere:${directory}` });
    await abstract.status('fine');
    expect(readFileSync(record, 'utf8')).toBe('/run/x|READY=1|STATUS=up|@abstract|STATUS=fine|');
  });

  it('refuses to start under a watchdog that it cannot answer', async () => {
    const env = { NOTIFY_SOCKET: '/run/x', PATH: directory };
    await expect(open({ ...env, WATCHDOG_USEC: '30000000' }, { loadSockets: missingPackage })).rejects.toMatchObject({
      code: 'service.notify',
    });
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line) });
    const notifier = await open(env, { loadSockets: missingPackage, log });
    expect(notifier.active).toBe(false);
    expect(lines.join('')).toContain('neither the package node-unix-socket loads nor is systemd-notify on the PATH');
  });

  it('answers the watchdog while things move on', async () => {
    const systemd = listener();
    const clock = virtualClock();
    const stop = new AbortController();
    const notifier = await open({ NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: '30000000' });
    notifier.startWatchdog(clock, () => true, stop.signal);
    await clock.advance(15_000);
    stop.abort();
    await notifier.close();
    expect(await systemd.messages(2)).toEqual(['WATCHDOG=1', 'WATCHDOG=1']);
  });

  it('reads the period of the watchdog, if it is meant for this process', async () => {
    const { path } = listener();
    const period = async (env: NodeJS.ProcessEnv) => {
      const notifier = await open({ NOTIFY_SOCKET: path, ...env });
      await notifier.close();
      return notifier.watchdogMs;
    };
    expect(await period({ WATCHDOG_USEC: '30000000' })).toBe(30_000);
    expect(await period({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' })).toBe(30_000);
    expect(await period({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '43' })).toBeUndefined();
    expect(await period({ WATCHDOG_USEC: '0' })).toBeUndefined();
    expect(await period({})).toBeUndefined();
  });
});
