/**
 * `npm run bench:uplink [-- --readings N] [--part loop|drain|senml|influx|csv|far|latency]`: what an uplink costs, as JSON. The built program
 * against Debian's Mosquitto on loopback: a full journal drained, as JSON and in each other format; the same with 100 ms round trip; a loop that encodes the same
 * readings from memory and sends them over the same client, in the same run; how late live values are meanwhile. Machines
 * differ and are noisy: read the ratios.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import mqtt from 'mqtt';
import { systemClock } from '../src/clock.ts';
import { pack } from '../src/codec.ts';
import { openJournal } from '../src/journal/journal.ts';
import { type Mosquitto, startMosquitto } from '../test/mosquitto.ts';
import { sedge, startSedge, until } from '../test/sedge-process.ts';
import { median, processStat, round } from './process-stat.ts';

const { values } = parseArgs({
  options: { readings: { type: 'string' }, part: { type: 'string', multiple: true } },
});
const READINGS = Number(values.readings ?? 1_000_000);
const BOOT = '11111111-2222-3333-4444-555555555555';
const FILL_AT_ONCE = 20_000;
const LOOK_EVERY_MS = 20;
/** The drain has ended when the broker got nothing for so long. */
const QUIET_MS = 7_000;
/** The last batch is not full and waits for company (max_wait): it is not counted. */
const TAIL_BYTES = 100_000;
const ROUND_TRIP_MS = 100;
const LIVE_SENSORS = 10;
/** After the backlog, for the comparison. */
const IDLE_MS = 4_000;
/** A batch of these readings has this much text for each. */
const BYTES_PER_READING = 130;
const root = mkdtempSync(join(tmpdir(), 'sedge-bench-'));

/** Reading number `index`: three channels, as a BME280 gives them. */
const valuesJson = (index: number) =>
  `{"temperature":${(20 + (index % 1_000) / 100).toFixed(2)},"humidity":45.2,"pressure":${(1_000 + (index % 97) / 4).toFixed(2)}}`;

async function fill(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const journal = await openJournal({
    directory,
    maxSizeBytes: 2_000_000_000,
    whenFull: 'reject_new',
    commitEveryMs: 1_000,
    consumers: ['cloud'],
    bootId: BOOT,
    clock: systemClock,
  });
  const startMs = Date.now() - READINGS * 1_000;
  for (let from = 0; from < READINGS; from += FILL_AT_ONCE) {
    const count = Math.min(FILL_AT_ONCE, READINGS - from);
    const taken = Array.from({ length: count }, (_, at) => {
      const index = from + at;
      const instant = { wallMs: startMs + index * 1_000, monoMs: index * 1_000, synced: true };
      return journal.append(pack({ kind: 'reading', sensor: 'air', at: instant, valuesJson: valuesJson(index) }));
    });
    await journal.flush();
    await Promise.all(taken);
  }
  await journal.close();
}

function writeConfig(
  name: string,
  port: number,
  { live = false, format = 'json' },
): { config: string; directory: string } {
  const directory = join(root, name);
  mkdirSync(directory);
  const sensors = Array.from(
    { length: live ? LIVE_SENSORS : 1 },
    (_, n) => `  s${n}: { driver: mock, every: ${live ? '100ms' : '1h'}, options: { wave: walk, min: 0, max: 100 } }\n`,
  );
  const config = join(directory, 'sedge.yaml');
  writeFileSync(
    config,
    `version: 1\ndevice: bench\nsensors:\n${sensors.join('')}journal: { directory: ${directory}/journal, max_size: 2GB }\nuplinks:\n  cloud: { type: mqtt, url: "mqtt://127.0.0.1:${port}", format: ${format} }\n`,
  );
  return { config, directory };
}

/** Bytes that a process has read so far, from sockets too (proc(5)). */
const bytesRead = (pid: number): number => Number(/^rchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);

/** Watches the broker until nothing comes any more. */
async function whileItDrains(broker: Mosquitto, pid: number) {
  const firstBytes = bytesRead(broker.pid());
  let bytes = firstBytes;
  let startMs: number | undefined;
  let lastMs = performance.now();
  const seen: { readonly atMs: number; readonly bytes: number; readonly rssMb: number }[] = [];
  for (;;) {
    await pause(LOOK_EVERY_MS);
    const now = bytesRead(broker.pid());
    const nowMs = performance.now();
    // The announcements are small; the first batches are not.
    if (now - firstBytes > 100_000) startMs ??= nowMs;
    if (now - bytes > 2_000) lastMs = nowMs;
    bytes = now;
    seen.push({ atMs: nowMs, bytes, rssMb: processStat(pid).rssMb });
    if (startMs !== undefined && nowMs - lastMs > QUIET_MS) break;
  }
  const endMs = seen.find((one) => one.bytes >= bytes - TAIL_BYTES)?.atMs ?? lastMs;
  const seconds = (endMs - startMs) / 1_000;
  /** The median around this share of the readings: a single look falls before or behind a collection. */
  const rssMbAt = (share: number) => {
    const isNear = (one: { bytes: number }) => Math.abs((one.bytes - firstBytes) / (bytes - firstBytes) - share) < 0.05;
    return round(median(seen.filter((one) => one.atMs <= endMs && isNear(one)).map(({ rssMb }) => rssMb)));
  };
  return {
    readings_per_s: round(READINGS / seconds, 0),
    seconds: round(seconds, 2),
    bytes_per_reading: round((bytes - firstBytes) / READINGS),
    cpu_us_per_reading: round((processStat(pid).cpuS * 1e6) / READINGS, 2),
    rss_mb_at: { '10%': rssMbAt(0.1), '50%': rssMbAt(0.5), '100%': rssMbAt(1) },
    rss_mb_most: round(Math.max(...seen.filter(({ atMs }) => atMs <= endMs).map(({ rssMb }) => rssMb))),
  };
}

type Way = (broker: Mosquitto) => Promise<{ port: number; close(): void }>;
async function drain(name: string, { through, format = 'json' }: { through?: Way; format?: string } = {}) {
  const broker = await startMosquitto({ lines: ['persistence false'] });
  const way = await through?.(broker);
  const { config, directory } = writeConfig(name, way?.port ?? broker.port, { format });
  await fill(join(directory, 'journal'));
  const run = startSedge(['run', '--simulate', '--config', config]);
  try {
    const figures = await whileItDrains(broker, run.child.pid!);
    run.kill('SIGTERM');
    await run.ended;
    const { pending } = JSON.parse((await sedge(['journal', '--json', '--config', config])).stdout);
    return { ...figures, left: pending.cloud };
  } finally {
    run.kill('SIGKILL');
    way?.close();
    await broker.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A proxy of its own process, so that it takes no time of ours: each chunk comes half a round trip later, both ways. */
async function delayed(broker: Mosquitto): Promise<{ port: number; close(): void }> {
  const script = `
    const { connect, createServer } = require('node:net');
    const late = (from, to) => from.on('data', (bytes) => setTimeout(() => to.write(bytes), ${ROUND_TRIP_MS / 2}))
      .on('close', () => setTimeout(() => to.destroy(), ${ROUND_TRIP_MS / 2})).on('error', () => {});
    createServer((near) => { const far = connect(${broker.port}, '127.0.0.1'); near.setNoDelay(); far.setNoDelay(); late(near, far); late(far, near); })
      .listen(0, '127.0.0.1', function () { console.log(this.address().port); });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
  return { port, close: () => void child.kill() };
}

/** The comparison: the same readings from memory, encoded and sent by a loop that does nothing else. */
async function loop() {
  const broker = await startMosquitto({ lines: ['persistence false'] });
  const script = fileURLToPath(new URL('./uplink-loop.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, String(broker.port), String(READINGS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let told = '';
    child.stdout.on('data', (text) => {
      told += text;
    });
    await new Promise((resolve) => child.once('close', resolve));
    return JSON.parse(told);
  } finally {
    child.kill();
    await broker.close();
  }
}

/** How late this process itself is: what a machine that others use adds to every figure. */
function lateness() {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  return () => {
    delay.disable();
    return round(delay.percentile(99) / 1e6 - 1);
  };
}

/**
 * Live values while a backlog drains, and in the same run once it has gone: from the reading's time to its arrival at a
 * subscriber of the state topics.
 */
async function latency() {
  const broker = await startMosquitto({ lines: ['persistence false'] });
  const { config, directory } = writeConfig('latency', broker.port, { live: true });
  await fill(join(directory, 'journal'));
  const client = mqtt.connect({ host: '127.0.0.1', port: broker.port, protocol: 'mqtt' });
  let lateMs: number[] = [];
  let connectedMs: number | undefined;
  client.on('message', (_topic, payload) => {
    const takenMs = Date.parse(JSON.parse(payload.toString()).time);
    // What is said at the connect was taken before it.
    connectedMs ??= Date.now();
    if (takenMs > connectedMs) lateMs.push(Date.now() - takenMs);
  });
  await client.subscribeAsync('sedge/bench/state/+', { qos: 0 });
  const figuresOf = (late: readonly number[], loopP99Ms: number) => {
    const sorted = [...late].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    const figures = { live_readings: sorted.length, p50_ms: at(0.5), p99_ms: at(0.99), most_ms: sorted.at(-1) };
    return { ...figures, p99_ms_of_an_idle_loop: loopP99Ms };
  };
  const run = startSedge(['run', '--simulate', '--config', config]);
  try {
    const firstBytes = bytesRead(broker.pid());
    const drained = lateness();
    await until(
      'the backlog is nearly gone',
      () => bytesRead(broker.pid()) - firstBytes > READINGS * BYTES_PER_READING * 0.98,
    );
    const draining = figuresOf(lateMs, drained());
    await pause(IDLE_MS / 2);
    lateMs = [];
    const rested = lateness();
    await pause(IDLE_MS);
    return { ...draining, idle: figuresOf(lateMs, rested()) };
  } finally {
    run.kill('SIGTERM');
    await run.ended;
    await client.endAsync(true);
    await broker.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const PARTS = {
  loop,
  drain: () => drain('drain'),
  senml: () => drain('senml', { format: 'senml' }),
  influx: () => drain('influx', { format: 'influx' }),
  csv: () => drain('csv', { format: 'csv' }),
  far: () => drain('far', { through: delayed }),
  latency,
};
const wanted = (values.part ?? Object.keys(PARTS)) as (keyof typeof PARTS)[];
try {
  for (const part of wanted) console.log(JSON.stringify({ [part]: await PARTS[part]() }));
} finally {
  rmSync(root, { recursive: true, force: true });
}
