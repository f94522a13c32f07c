/** Answers that find no connection: kept for the next one, whichever comes first. */
import { describe, expect, it } from 'vitest';
import { createCommands } from '../src/commands.ts';

const unasked = () => {
  throw new Error('nothing is asked here');
};
const port = () =>
  createCommands({
    measuring: { read: unasked, setInterval: unasked, catalogue: unasked },
    timeOf: unasked,
    onInterval: unasked,
    health: unasked,
    journal: unasked,
  })('cloud');
const answer = (payload: string) => ({ topic: 'sedge/pi/response/reload', payload });

describe('an answer without a connection', () => {
  it('goes to the next one, and so does one that comes when that is already there', () => {
    const commands = port();
    const given: string[] = [];
    commands.keep(answer('early'));
    const session = new AbortController();
    commands.handOver(({ payload }) => given.push(payload), session.signal);
    commands.keep(answer('late'));
    session.abort();
    commands.keep(answer('after'));
    expect(given).toEqual(['early', 'late']);

    commands.handOver(({ payload }) => given.push(payload), new AbortController().signal);
    expect(given).toEqual(['early', 'late', 'after']);
  });

  it('is not given to a session that has ended, and the end of an older one changes nothing', () => {
    const commands = port();
    const given: string[] = [];
    commands.handOver(unasked, AbortSignal.abort());
    const older = new AbortController();
    commands.handOver(unasked, older.signal);
    commands.handOver(({ payload }) => given.push(payload), new AbortController().signal);
    older.abort();
    commands.keep(answer('one'));
    expect(given).toEqual(['one']);
  });

  it('is one of the last four', () => {
    const commands = port();
    const given: string[] = [];
    for (const payload of ['1', '2', '3', '4', '5']) commands.keep(answer(payload));
    commands.handOver(({ payload }) => given.push(payload), new AbortController().signal);
    expect(given).toEqual(['2', '3', '4', '5']);
  });
});
