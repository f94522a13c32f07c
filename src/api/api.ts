/**
 * The API as the service has it: on or off as the configuration says. Nothing of it is loaded, and nothing listens, while
 * `api` is not configured. An address that cannot be used is a warning, and is tried again: the station runs without.
 */
import type { Clock } from '../clock.ts';
import type { ApiConfig } from '../config/types.ts';
import { messageOf } from '../errors.ts';
import { sameConfig } from '../same-config.ts';
import type { Log } from '../service/log.ts';
import type { ApiServer } from './server.ts';
import type { ApiStation } from './types.ts';

const RETRY_MS = 30_000;

export interface Api {
  /** Listens as configured, or not at all; does nothing when that is so already. Never rejects. */
  apply(config: ApiConfig | undefined): Promise<void>;
  /** Where it listens now. */
  readonly url: string | undefined;
  /** Ends every connection. Idempotent. */
  close(): Promise<void>;
}

export interface ApiOptions {
  readonly station: ApiStation;
  readonly clock: Clock;
  readonly log: Log;
}

export function createApi({ station, clock, log }: ApiOptions): Api {
  let applied: ApiConfig | undefined;
  let server: ApiServer | undefined;
  let waiting = new AbortController();

  const open = async (config: ApiConfig): Promise<ApiServer | undefined> => {
    try {
      const { openServer } = await import('./server.ts');
      const opened = await openServer({ config, station, clock, log });
      log.info('api.listening', { url: opened.url });
      return opened;
    } catch (error) {
      log.warn('api.unavailable', { listen: config.listen, message: messageOf(error) });
      return undefined;
    }
  };
  const openLater = async (config: ApiConfig, signal: AbortSignal) => {
    while (!signal.aborted && !server) {
      await clock.sleep(RETRY_MS, signal);
      if (signal.aborted) return;
      const opened = await open(config);
      // The configuration may have changed meanwhile.
      if (signal.aborted) await opened?.close();
      else server = opened;
    }
  };
  const apply = async (config: ApiConfig | undefined) => {
    if (sameConfig(config, applied)) return;
    applied = config;
    waiting.abort();
    waiting = new AbortController();
    const left = server;
    server = undefined;
    await left?.close();
    if (!config) return;
    server = await open(config);
    if (!server) void openLater(config, waiting.signal);
  };
  return {
    apply,
    get url() {
      return server?.url;
    },
    close: () => apply(undefined),
  };
}
