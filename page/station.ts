/**
 * The station as the page asks it: a report now and then, each reading as it is taken, and the readings before. The token,
 * where there is one, is kept for this tab alone and never stands in an address.
 */
import type { ServiceReport } from '../src/status/report.ts';
import type { Reading } from './history.ts';

export type Link = 'connecting' | 'live' | 'lost';

const TOKEN_KEY = 'sedge-token';
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;
/** A request that hangs is given up: the next one may find a way. */
const REQUEST_MS = 8_000;

/** What the station refused because of the token. */
export const isLocked = (error: unknown): boolean => error instanceof Error && error.name === 'Locked';

export const rememberToken = (token: string): void => sessionStorage.setItem(TOKEN_KEY, token);
const tokenKept = (): string | null => sessionStorage.getItem(TOKEN_KEY);

async function ask(path: string, method = 'GET'): Promise<unknown> {
  const token = tokenKept();
  const response = await fetch(path, {
    method,
    cache: 'no-store',
    signal: AbortSignal.timeout(REQUEST_MS),
    headers: {
      ...(token !== null && { Authorization: `Bearer ${token}` }),
      ...(method === 'POST' && { 'Content-Type': 'application/json' }),
    },
  });
  const answer = (await response.json()) as { readonly message?: string };
  if (response.ok) return answer;
  const error = new Error(answer.message ?? `the station answered ${response.status}`);
  if (response.status === 401) error.name = 'Locked';
  throw error;
}

export const fetchReport = async (): Promise<ServiceReport> => (await ask('api/status')) as ServiceReport;

export async function fetchReadings(sensor: string, limit: number): Promise<readonly Reading[]> {
  const answer = await ask(`api/readings?sensor=${encodeURIComponent(sensor)}&limit=${limit}`);
  return (answer as { readonly readings: readonly Reading[] }).readings;
}

/** Reads a sensor now. What it says comes with the live stream, as everything does. */
export const readNow = (sensor: string): Promise<unknown> => ask(`api/read/${encodeURIComponent(sensor)}`, 'POST');

export interface Stream {
  /** Tries now instead of later: the token was entered, the network came back, somebody looks again. */
  wake(): void;
}

/** The live stream, for as long as the page is there: what breaks is tried again, with growing pauses. */
export function openStream(onReading: (reading: Reading) => void, onLink: (link: Link) => void): Stream {
  let socket: WebSocket | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = FIRST_RETRY_MS;

  const connect = () => {
    clearTimeout(retry);
    retry = undefined;
    const url = new URL('api/live', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const opened = new WebSocket(url);
    socket = opened;
    opened.onopen = () => {
      const token = tokenKept();
      if (token !== null) opened.send(JSON.stringify({ token }));
    };
    opened.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as Reading | { readonly ready: true };
      if ('ready' in message) {
        pauseMs = FIRST_RETRY_MS;
        onLink('live');
      } else onReading(message);
    };
    opened.onclose = () => {
      if (socket !== opened) return;
      socket = undefined;
      onLink('lost');
      // Not all pages of an outage come back at once.
      retry = setTimeout(connect, pauseMs * (0.7 + 0.6 * Math.random()));
      pauseMs = Math.min(MAX_RETRY_MS, pauseMs * 2);
    };
  };
  connect();
  return {
    wake() {
      if (!retry) return;
      pauseMs = FIRST_RETRY_MS;
      connect();
    },
  };
}
