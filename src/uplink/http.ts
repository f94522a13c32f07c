/**
 * The HTTP uplink: a POST per batch, in the format that the configuration says. Any 2xx acknowledges. A redirect is followed
 * only to the same server, with the same body. 429 and 503 are respected, `Retry-After` wherever it stands; a 4xx that speaks
 * about the body goes to the poison rule, any other failure is waited out.
 */
import type { HttpUplinkConfig } from '../config/types.ts';
import type { SedgeError } from '../errors.ts';
import { deadLetterJson } from './batch-json.ts';
import { loadCompression } from './compress.ts';
import { appendDurably } from './dead-letters.ts';
import { loadFormat } from './formats/index.ts';
import { encodingFor } from './formats/types.ts';
import { answerError, isRedirect, isTaken, requestError, retryAfterMs, sameServer } from './http-answers.ts';
import { type Answer, createHttpClient } from './http-post.ts';
import { type Destination, requestUplink } from './request-uplink.ts';
import type { Uplink, UplinkContext } from './types.ts';

const MAX_REDIRECTS = 3;
const MAX_LETTER_BYTES = 100_000;

export function httpUplink(config: HttpUplinkConfig, context: UplinkContext): Uplink {
  const { hostname, origin } = new URL(config.url);
  return requestUplink({
    config,
    context,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    place: origin,
    open: () => openServer(config, context),
  });
}

async function openServer(config: HttpUplinkConfig, { station, clock }: UplinkContext): Promise<Destination> {
  const base = new URL(config.url);
  const [format, compress, client] = await Promise.all([
    loadFormat(config.format),
    loadCompression(config.compress),
    createHttpClient(base.protocol === 'https:', config.tls),
  ]);
  const headers: Readonly<Record<string, string>> = {
    'User-Agent': `sedge/${station.version}`,
    ...config.headers,
    'Content-Type': format.mediaType,
    ...(config.compress !== 'none' && { 'Content-Encoding': config.compress }),
    ...(config.authorization !== undefined && { Authorization: config.authorization }),
  };
  /** What no message may repeat, should the server say it. */
  const secrets = [config.authorization?.replace(/^\S+ /, ''), ...Object.values(config.headers)].flatMap(
    (secret) => secret ?? [],
  );
  let pauseMs = 0;

  async function send(body: string | Uint8Array, signal: AbortSignal): Promise<SedgeError | undefined> {
    let url = base;
    for (let redirects = 0; ; redirects++) {
      let answer: Answer;
      try {
        answer = await client.post({ url, headers, body, timeoutMs: config.timeoutMs, clock, signal });
      } catch (error) {
        return requestError(error, url, clock);
      }
      if (isTaken(answer)) return undefined;
      const next = isRedirect(answer) && redirects < MAX_REDIRECTS ? sameServer(answer, url) : undefined;
      if (!next) {
        pauseMs = retryAfterMs(answer, clock);
        return answerError(answer, url, secrets);
      }
      url = next;
    }
  }

  const { device } = station;
  const encoding = encodingFor(station, config.batch.maxBytes);
  return {
    encode: (batch) => format.encode(batch, encoding),
    async deliver({ payload }, signal) {
      pauseMs = 0;
      const error = await send(await compress(payload), signal);
      if (error) throw error;
    },
    async bury(letter) {
      if (config.deadLetterFile === undefined) return;
      await appendDurably(config.deadLetterFile, `${deadLetterJson(letter, { device, maxBytes: MAX_LETTER_BYTES })}\n`);
    },
    pauseMs: () => pauseMs,
    close: () => client.close(),
  };
}
