/** A station of two sensors behind a real server on loopback, with time in the test's hands, and ways to ask it anything. */
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { ApiLimits } from '../../src/api/limits.ts';
import { type ApiServer, openServer } from '../../src/api/server.ts';
import type { ApiStation } from '../../src/api/types.ts';
import { type VirtualClock, virtualClock } from '../../src/clock.ts';
import type { ApiConfig } from '../../src/config/types.ts';
import { SedgeError } from '../../src/errors.ts';
import { createLog } from '../../src/service/log.ts';
import type { StateMessage } from '../../src/uplink/types.ts';
import { aReport } from '../status/a-report.ts';

export const LOOPBACK: ApiConfig = { listen: '127.0.0.1:0', host: '127.0.0.1', port: 0, hosts: [] };
export const TOKEN = '0123456789abcdef0123456789abcdef';

export const reading = (sensor: string, value: number, second = value): StateMessage => ({
  sensor,
  time: `2026-11-22T12:00:${String(second).padStart(2, '0')}.000Z`,
  valuesJson: `{"temperature":${value}}`,
});

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface ApiRig {
  readonly server: ApiServer;
  readonly clock: VirtualClock;
  readonly port: number;
  readonly log: readonly string[];
  /** A sensor says something. */
  say(message: StateMessage): void;
  ask(path: string, options?: { method?: string; headers?: OutgoingHttpHeaders; body?: string }): Promise<Reply>;
  close(): Promise<void>;
}

export async function apiRig(config: Partial<ApiConfig> = {}, limits: Partial<ApiLimits> = {}): Promise<ApiRig> {
  const clock = virtualClock();
  const lines: string[] = [];
  const listeners = new Set<(message: StateMessage) => void>();
  const station: ApiStation = {
    report: async () => aReport(),
    health: async () => ({ uptime_s: 5 }),
    catalogue: () => ({ air: { driver: 'bme280', channels: {} }, lamp: { driver: 'bh1750', channels: {} } }),
    onReading(callback) {
      listeners.add(callback);
      return () => void listeners.delete(callback);
    },
    async readNow(sensor) {
      if (sensor === 'lamp') throw new SedgeError('bus.nack', 'nothing acknowledges at 0x23');
      return reading(sensor, 21);
    },
    waiting: async (from) => ({
      records: [{ ...reading('air', 7), seq: from, stream: 'abc', kind: 'reading' }],
      next: from + 1,
    }),
  };
  const log = createLog({ level: 'warn', write: (line) => void lines.push(line) });
  const server = await openServer({ config: { ...LOOPBACK, ...config }, station, clock, log, limits });
  const port = Number(new URL(server.url).port);
  return {
    server,
    clock,
    port,
    log: lines,
    say: (message) => {
      for (const listener of listeners) listener(message);
    },
    ask: (path, { method = 'GET', headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const send = config.tls ? secureRequest : request;
        const tls = config.tls ? { rejectUnauthorized: false } : {};
        const sent = send({ ...tls, host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (piece) => {
            text += piece;
          });
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
        });
        sent.on('error', reject);
        sent.end(body);
      }),
    close: () => server.close(),
  };
}
