import { describe, expect, it } from 'vitest';
import { createWindow } from '../../src/uplink/window.ts';

const { signal: never } = new AbortController();
const settled = async (promise: Promise<unknown>) => {
  const pending = Symbol('pending');
  return (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, pending))])) !== pending;
};

describe('the send window', () => {
  it('gives room for so many messages, in the order it was asked for', async () => {
    const window = createWindow({ maxMessages: 2, maxBytes: 1_000 });
    expect(await window.take(1, never)).toBe(true);
    expect(await window.take(1, never)).toBe(true);
    const third = window.take(1, never);
    const fourth = window.take(1, never);
    expect(await settled(third)).toBe(false);
    window.give(1);
    expect(await third).toBe(true);
    expect(await settled(fourth)).toBe(false);
    window.give(1);
    expect(await fourth).toBe(true);
    expect(window.messages).toBe(2);
  });

  it('bounds bytes, and lets a larger message go alone', async () => {
    const window = createWindow({ maxMessages: 16, maxBytes: 100 });
    await window.take(60, never);
    const more = window.take(60, never);
    expect(await settled(more)).toBe(false);
    window.give(60);
    expect(await more).toBe(true);
    window.give(60);
    expect(await window.take(500, never)).toBe(true);
    expect(await settled(window.take(1, never))).toBe(false);
  });

  it('forgets a waiter that gave up', async () => {
    const window = createWindow({ maxMessages: 1, maxBytes: 100 });
    await window.take(1, never);
    const giveUp = new AbortController();
    const waiting = window.take(1, giveUp.signal);
    giveUp.abort();
    expect(await waiting).toBe(false);
    expect(await window.take(1, giveUp.signal)).toBe(false);
    window.give(1);
    expect(window.messages).toBe(0);
  });

  it('says when nothing is unacknowledged', async () => {
    const window = createWindow({ maxMessages: 2, maxBytes: 100 });
    await window.idle(never);
    await window.take(1, never);
    const idle = window.idle(never);
    expect(await settled(idle)).toBe(false);
    window.give(1);
    await idle;
  });
});
