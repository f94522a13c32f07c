/** The API of a service that is reloaded: on, off, elsewhere, and at an address that somebody else has. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createApi } from '../../src/api/api.ts';
import type { ApiStation } from '../../src/api/types.ts';
import { virtualClock } from '../../src/clock.ts';
import { createLog } from '../../src/service/log.ts';
import { aReport } from '../status/a-report.ts';
import { until } from '../until.ts';
import { LOOPBACK } from './rig.ts';

const station: ApiStation = {
  report: async () => aReport(),
  health: async () => ({}),
  catalogue: () => ({}),
  onReading: () => () => {},
  readNow: async () => undefined,
  waiting: async () => ({ records: [], next: null }),
};

function bench() {
  const clock = virtualClock();
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => void lines.push(line) });
  return { clock, lines, api: createApi({ station, clock, log }) };
}
const answers = async (url: string) => (await fetch(`${url}api/health`)).status;

it('listens when the configuration says so, and no longer when it does not', async () => {
  const { api, clock } = bench();
  await api.apply(undefined);
  expect([api.url, clock.sleepers]).toEqual([undefined, 0]);
  await api.apply(LOOPBACK);
  const url = api.url!;
  expect(await answers(url)).toBe(200);
  // A reload that changes nothing here cuts off nobody.
  await api.apply({ ...LOOPBACK });
  expect(api.url).toBe(url);
  await api.apply(undefined);
  await expect(answers(url)).rejects.toThrow();
  await api.close();
});

it('says that an address is taken and what to do, and takes it when it comes free', async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  const { port } = other.address() as AddressInfo;
  const { api, clock, lines } = bench();
  await api.apply({ ...LOOPBACK, listen: `127.0.0.1:${port}`, port });
  expect(lines.join('')).toContain(`the API cannot listen at 127.0.0.1:${port}: another program listens there`);
  await new Promise((done) => other.close(done));
  await clock.advance(30_000);
  await until('it listens', () => api.url !== undefined);
  expect(await answers(api.url!)).toBe(200);
  await api.close();
});
