/** What the API answers: one row per path. Knows no sockets; everything that is asked wrongly is an error with a sentence. */
import { nearest } from '../config/nearest.ts';
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import { readingJson, waitingJson } from './json.ts';
import type { Buckets } from './limits.ts';
import { METRICS_TYPE, metricsText } from './metrics.ts';
import type { Recent } from './recent.ts';
import type { ApiCounts, ApiStation } from './types.ts';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteContext {
  readonly station: ApiStation;
  readonly recent: Recent;
  readonly counts: ApiCounts;
  /** What a read at will is taken from. */
  readonly reads: Buckets;
}

type Route = (context: RouteContext, query: URLSearchParams, rest: string) => Promise<Answer>;

const JSON_TYPE = 'application/json; charset=utf-8';
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
const RETRY_AFTER_S = '1';

export const json = (value: unknown): Answer => ({ status: 200, type: JSON_TYPE, body: JSON.stringify(value) });
export const failure = (status: number, error: string, message: string): Answer => ({
  ...json({ error, message }),
  status,
  ...(status === 429 && { headers: { 'Retry-After': RETRY_AFTER_S } }),
});
const bad = (message: string): never => {
  throw new SedgeError('api.request', message);
};

function wholeNumber(query: URLSearchParams, name: string, otherwise: number, min: number, max: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  return /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max
    ? Number(text)
    : bad(`\`${name}\` must be a whole number from ${min} to ${max}`);
}

/** A sensor that is configured, or an error that names the nearest. */
function known(id: string, { station }: RouteContext): string {
  const catalogue = station.catalogue();
  if (Object.hasOwn(catalogue, id)) return id;
  const near = nearest(id, Object.keys(catalogue));
  throw new SedgeError('sensor.unknown', `there is no sensor of this id${near ? `: did you mean ${near}?` : ''}`);
}

function since(query: URLSearchParams): string {
  const text = query.get('since');
  if (text === null) return '';
  const ms = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? bad('`since` must be a time such as 2026-11-22T12:00:00Z') : new Date(ms).toISOString();
}

const readings: Route = async (context, query) => {
  const { station, recent } = context;
  const named = query.get('sensor');
  const sensor = named === null ? undefined : known(named, context);
  const from = since(query);
  const limit = wholeNumber(query, 'limit', DEFAULT_LIMIT, 1, MAX_LIMIT);
  const source = query.get('source') ?? 'memory';
  // Times are ISO 8601 in one form, so their order is that of their texts.
  const isAsked = (one: { readonly sensor: string; readonly time: string }) =>
    (sensor === undefined || one.sensor === sensor) && one.time >= from;
  if (source === 'memory') {
    recent.keepOnly(new Set(Object.keys(station.catalogue())));
    const found = recent.of(sensor).filter(isAsked);
    const newest = found.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).slice(-limit);
    return text(`{"source":"memory","readings":[${newest.map(readingJson).join(',')}]}`);
  }
  if (source !== 'journal') bad('`source` must be `memory` or `journal`');
  const page = await station.waiting(wholeNumber(query, 'from', 0, 0, Number.MAX_SAFE_INTEGER), limit);
  const found = page.records.filter(isAsked).map(waitingJson);
  return text(`{"source":"journal","next":${page.next},"records":[${found.join(',')}]}`);
};
const text = (body: string): Answer => ({ status: 200, type: JSON_TYPE, body });

const GET: Readonly<Record<string, Route>> = {
  '/api/health': async ({ station }) => json(await station.health()),
  '/api/status': async ({ station }) => json(await station.report()),
  '/api/sensors': async ({ station }) => {
    const { time, device, sensors } = await station.report();
    return json({ time, device, sensors });
  },
  '/api/readings': readings,
  '/metrics': async ({ station, counts }) => ({
    ...text(metricsText(await station.report(), counts)),
    type: METRICS_TYPE,
  }),
};

const READ = '/api/read/';
const readNow: Route = async (context, _query, rest) => {
  const sensor = known(rest, context);
  if (!context.reads.take('')) return failure(429, 'api.rate', 'too many reads: ask again in a second');
  const reading = await context.station.readNow(sensor);
  return text(`{"sensor":"${sensor}","reading":${reading ? readingJson(reading) : null}}`);
};

/** Undefined for a path that is not there; the methods of one that is. */
export function methodsOf(path: string): readonly string[] | undefined {
  if (Object.hasOwn(GET, path)) return ['GET', 'HEAD'];
  return path.startsWith(READ) && path.length > READ.length ? ['POST'] : undefined;
}

const STATUS: Readonly<Record<string, number>> = {
  'api.request': 400,
  'sensor.unknown': 404,
  'sensor.not-read': 409,
};

/** The answer to a request whose method the path has. Never rejects. */
export async function answerTo(path: string, query: URLSearchParams, context: RouteContext): Promise<Answer> {
  try {
    const route = GET[path];
    return await (route ? route(context, query, '') : readNow(context, query, path.slice(READ.length)));
  } catch (error) {
    const code = codeOf(error);
    // A failing sensor or card is no fault of the request, nor of this program.
    return failure((code && STATUS[code]) ?? (code ? 503 : 500), code ?? 'api.failed', messageOf(error));
  }
}
