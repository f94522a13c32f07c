import { describe, expect, it } from 'vitest';
import { ifAcknowledged, leavingIdle, lookUntil, onceAcknowledged } from '../src/asking.ts';
import { SedgeError } from '../src/errors.ts';

/** Waits that are only counted, and a chip that answers as it is told: an error is thrown. */
function asked<T>(...answers: readonly (T | SedgeError)[]) {
  const said: string[] = [];
  let next = 0;
  const ask = async (): Promise<T> => {
    said.push('look');
    const answer = answers[next++];
    if (answer instanceof SedgeError) throw answer;
    return answer as T;
  };
  const wait = async (ms: number) => {
    said.push(`wait ${ms}`);
  };
  return { said, ask, wait };
}
const NACK = new SedgeError('bus.nack', 'not acknowledged on purpose');
const TIMEOUT = new SedgeError('bus.timeout', 'timed out on purpose');

describe('looking until something is there', () => {
  it('gives what it saw, and waits between two looks only', async () => {
    const { said, ask, wait } = asked<number | undefined>(undefined, undefined, 0);
    expect(await lookUntil(ask, { times: 5, lookAgainMs: 2, wait })).toBe(0);
    expect(said).toEqual(['look', 'wait 2', 'look', 'wait 2', 'look']);
  });

  it('takes false for nothing', async () => {
    const { ask, wait } = asked(false, true);
    expect(await lookUntil(ask, { times: 2, lookAgainMs: 2, wait })).toBe(true);
  });

  it('gives up after so many looks, without another wait', async () => {
    const { said, ask, wait } = asked(false, false, false, true);
    expect(await lookUntil(ask, { times: 3, lookAgainMs: 7, wait })).toBeUndefined();
    expect(said).toEqual(['look', 'wait 7', 'look', 'wait 7', 'look']);
  });

  it('lets what a look or a wait throws pass, and hands the signal on', async () => {
    const { ask, wait } = asked(TIMEOUT);
    await expect(lookUntil(ask, { times: 3, lookAgainMs: 1, wait })).rejects.toBe(TIMEOUT);
    const { signal } = new AbortController();
    const calledOff = async (_ms: number, given?: AbortSignal) => {
      throw given === signal ? NACK : TIMEOUT;
    };
    const looks = { times: 3, lookAgainMs: 1, wait: calledOff, signal };
    await expect(lookUntil(async () => false, looks)).rejects.toBe(NACK);
  });
});

describe('what a chip does not acknowledge', () => {
  it('is nothing where it may be so, but other errors pass', async () => {
    expect(await ifAcknowledged(Promise.resolve(5))).toBe(5);
    expect(await ifAcknowledged(Promise.reject(NACK))).toBeUndefined();
    await expect(ifAcknowledged(Promise.reject(TIMEOUT))).rejects.toBe(TIMEOUT);
  });

  it('is asked for again until it is acknowledged', async () => {
    const { said, ask, wait } = asked(NACK, NACK, 5);
    expect(await onceAcknowledged(ask, { times: 3, lookAgainMs: 4, wait })).toBe(5);
    expect(said).toEqual(['look', 'wait 4', 'look', 'wait 4', 'look']);
  });

  it('fails with the last refusal, or at once with another error', async () => {
    const never = asked(NACK, NACK, NACK, 5);
    await expect(onceAcknowledged(never.ask, { times: 3, lookAgainMs: 4, wait: never.wait })).rejects.toBe(NACK);
    expect(never.said).toEqual(['look', 'wait 4', 'look', 'wait 4', 'look']);
    const other = asked(TIMEOUT, 5);
    await expect(onceAcknowledged(other.ask, { times: 3, lookAgainMs: 4, wait: other.wait })).rejects.toBe(TIMEOUT);
    expect(other.said).toEqual(['look']);
  });
});

describe('leaving a chip idle', () => {
  it('idles it after the measurement, and gives what that gave', async () => {
    const did: string[] = [];
    const measure = async () => did.push('measured');
    const idle = async () => void did.push('idle');
    expect(await leavingIdle(measure, idle)).toBe(1);
    expect(did).toEqual(['measured', 'idle']);
  });

  it('idles it after a failure too, and tells that and not what came of it', async () => {
    let idled = 0;
    const idle = async () => {
      idled += 1;
      throw NACK;
    };
    await expect(leavingIdle(() => Promise.reject(TIMEOUT), idle)).rejects.toBe(TIMEOUT);
    expect(idled).toBe(1);
  });

  it('has failed where the chip cannot be made to idle', async () => {
    await expect(
      leavingIdle(
        async () => 5,
        () => Promise.reject(NACK),
      ),
    ).rejects.toBe(NACK);
  });
});
