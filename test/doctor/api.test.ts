/** The doctor on the local API: off, free, taken, and a token that everybody may read. */
import { chmodSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeBoard, fakeBoard, HEALTHY } from './board.ts';

let board: FakeBoard;
beforeEach(async () => {
  board = await fakeBoard();
});
afterEach(() => board.close());

const ask = async (api: string) => {
  board.config(`${HEALTHY(board.broker.url)}${api}\n`);
  return (await board.ask()).told;
};
const apiOf = (told: Awaited<ReturnType<typeof ask>>) => told.filter(({ check }) => check === 'api');

it('says nothing while it is off', async () => {
  expect(apiOf(await ask(''))).toEqual([]);
});

it('looks whether the service could listen', async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  const { port } = other.address() as AddressInfo;
  const api = `api: { listen: "127.0.0.1:${port}" }`;
  expect(apiOf(await ask(api))).toMatchObject([
    {
      state: 'fault',
      message: expect.stringContaining('EADDRINUSE'),
      fix: 'write another address or port in api.listen',
    },
  ]);
  await new Promise((done) => other.close(done));
  expect(apiOf(await ask(api))).toMatchObject([{ state: 'ok', message: `127.0.0.1:${port} is free for the service` }]);
});

it('says that every user may read the token', async () => {
  writeFileSync(join(board.cwd, 'token'), '0123456789abcdef0123456789abcdef');
  chmodSync(join(board.cwd, 'token'), 0o644);
  const told = await ask('api: { listen: "127.0.0.1:0", token_file: token }');
  expect(told.filter(({ check, state }) => check === 'configuration' && state === 'warning')).toMatchObject([
    {
      message: expect.stringMatching(/token holds a secret of the API and every user may read it/),
      fix: expect.stringContaining('chmod'),
    },
  ]);
});
