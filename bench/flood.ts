/**
 * What a flood of those who ask costs the sampling and the memory of the built program: 10,000 requests a second over MQTT,
 * wrong in every way there is, and on the local API a thousand connections that never finish their headers, each replaced as
 * soon as it is closed. A sensor at 10 Hz is counted beside the same of a station that nobody asks: whatever else the machine does,
 * does to both.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import { freePort, startMosquitto } from '../test/mosquitto.ts';
import { startSedge } from '../test/sedge-process.ts';
import { processStat, round } from './process-stat.ts';

const SETTLE_MS = 10_000;
const WINDOW_MS = 20_000;
const REQUESTS_PER_S = 10_000;
const BURST_MS = 10;
const SOCKETS = 1_000;
const BASE = 'sedge/flooded';
const STATIONS = ['flooded', 'beside'] as const;

const DEEP = `${'{"a":'.repeat(1_500)}1${'}'.repeat(1_500)}`;
const LARGE = 'x'.repeat(1024 * 1024);
/** In turn; the large one is rare, or loopback would be what is measured. */
const REQUESTS: readonly (readonly [verb: string, payload: string])[] = [
  ['health', '{"transaction":"again"}'],
  ['interval', '{"transaction":"old","time":"2026-01-01T00:00:00Z","sensor":"tick","every":"1s"}'],
  ['read', DEEP],
  ['shell', '{"transaction":"no"}'],
  ['health', 'no JSON'],
];
const LARGE_EVERY = 5_000;

async function floodCommands(url: string, signal: AbortSignal): Promise<number> {
  const client = await connectAsync(url, { clientId: 'flood' });
  let sent = 0;
  const beganMs = performance.now();
  while (!signal.aborted) {
    await pause(BURST_MS);
    const due = ((performance.now() - beganMs) / 1000) * REQUESTS_PER_S;
    for (; sent < due; sent++) {
      const [verb, payload] = sent % LARGE_EVERY === 0 ? ['health', LARGE] : REQUESTS[sent % REQUESTS.length]!;
      client.publish(`${BASE}/request/${verb}`, payload);
    }
  }
  await client.endAsync(true);
  return sent;
}

async function floodApi(port: number, signal: AbortSignal): Promise<number> {
  const sockets = new Set<Socket>();
  let opened = 0;
  const open = () => {
    if (signal.aborted) return;
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /api/sensors HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: '),
    );
    opened += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      setTimeout(open, BURST_MS);
    });
  };
  for (let n = 0; n < SOCKETS; n++) open();
  await once(signal, 'abort');
  for (const socket of sockets) socket.destroy();
  return opened;
}

type Station = (typeof STATIONS)[number];
const perStation = <T>(of: (station: Station) => T): Record<Station, T> => ({
  flooded: of('flooded'),
  beside: of('beside'),
});

export async function measureFlood() {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-bench-'));
  const broker = await startMosquitto();
  const port = await freePort();
  const asked = { uplink: ', commands: [read, interval, health]', rest: `api: { listen: "127.0.0.1:${port}" }` };
  const programs = perStation((station) => {
    const { uplink, rest } = station === 'flooded' ? asked : { uplink: '', rest: '' };
    const file = join(directory, `${station}.yaml`);
    writeFileSync(
      file,
      `version: 1
device: ${station}
sensors: { tick: { driver: mock, every: 100ms } }
journal: { directory: ${directory}/${station} }
uplinks: { cloud: { type: mqtt, url: "${broker.url}"${uplink} } }
${rest}
`,
    );
    return startSedge(['run', '--simulate', '--config', file]);
  });
  const times = perStation(() => new Set<string>());
  const reader = await connectAsync(broker.url, { clientId: 'reader' });
  reader.on('message', (topic, payload) => {
    const seen = times[topic.split('/')[1] as Station];
    for (const { time } of JSON.parse(payload.toString()).readings) seen.add(time);
  });
  await reader.subscribeAsync('sedge/+/readings', { qos: 1 });
  const stat = (station: Station) => processStat(programs[station].child.pid!);

  async function measure(flood: (signal: AbortSignal) => Promise<number>) {
    const over = new AbortController();
    const [fromMs, before] = [Date.now(), perStation(stat)];
    const flooding = flood(over.signal);
    await pause(WINDOW_MS);
    const [toMs, after] = [Date.now(), perStation(stat)];
    over.abort();
    const made = await flooding;
    // What was taken in the window, by the time it bears; it may arrive later.
    await pause(SETTLE_MS);
    const taken = perStation(
      (station) => [...times[station]].filter((time) => Date.parse(time) >= fromMs && Date.parse(time) < toMs).length,
    );
    return {
      made_per_s: round(made / (WINDOW_MS / 1000), 0),
      readings: taken,
      readings_ratio: round(taken.flooded / taken.beside, 3),
      rss_mb: perStation((station) => round(after[station].rssMb)),
      cpu_percent: perStation((station) =>
        round(((after[station].cpuS - before[station].cpuS) / (WINDOW_MS / 1000)) * 100),
      ),
    };
  }
  try {
    await pause(SETTLE_MS);
    return {
      commands: await measure((signal) => floodCommands(broker.url, signal)),
      api: await measure((signal) => floodApi(port, signal)),
    };
  } finally {
    await reader.endAsync(true);
    for (const { kill } of Object.values(programs)) kill('SIGTERM');
    await Promise.all(Object.values(programs).map(({ ended }) => ended));
    await broker.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
