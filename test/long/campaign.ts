/**
 * The promise, put to the test from outside: `sedge run --simulate` against a real Mosquitto while the link is cut three
 * ways, the broker restarted, and sedge killed with SIGKILL at random moments. Two independent receivers watch: `sedge
 * receive`, and a recorder of this file's own. At the end every number must be there, in order, with one content.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import mqtt from 'mqtt';
import { type Mosquitto, startMosquitto } from '../mosquitto.ts';
import { type SedgeProcess, sedge, startSedge, until } from '../sedge-process.ts';
import { startTcpProxy } from '../tcp-proxy.ts';

export interface CampaignResult {
  readonly rounds: number;
  readonly refused: number;
  readonly resets: number;
  readonly silences: number;
  readonly brokerRestarts: number;
  readonly kills: number;
  readonly streams: number;
  readonly batches: number;
  readonly records: number;
  /** Seen more than once with the same content: what QoS 1 allows. */
  readonly duplicates: number;
  /** Each of these must be 0. */
  readonly missing: number;
  readonly differing: number;
  readonly outOfOrder: number;
  readonly gaps: number;
  readonly receiveDiffers: number;
}

interface Batch {
  readonly stream: string;
  readonly first?: number;
  readonly last?: number;
  readonly previous?: { readonly stream: string; readonly last: number };
  readonly readings: readonly { readonly seq: number; readonly time: string; readonly sensor: string }[];
  readonly events?: readonly { readonly seq: number }[];
  readonly gaps?: readonly unknown[];
}

/** Lehmer's generator: the same seed makes the same campaign. */
function lehmer(seed: number): () => number {
  let state = (seed % 0x7ffffffe) + 1;
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

const configuration = (directory: string, port: number) => `
version: 1
device: campaign
sensors:
  air: { driver: bme280, every: 100ms }
  lamp: { driver: mock, every: 20ms, options: { wave: sine, min: 0, max: 10, period: 1s } }
  walk: { driver: mock, every: 50ms, options: { wave: walk, min: 0, max: 100 } }
  motor: { driver: sht4x, every: 200ms }
journal: { directory: ${JSON.stringify(directory)}, commit_every: 50ms }
uplinks:
  cloud: { type: mqtt, url: "mqtt://127.0.0.1:${port}", keepalive: 2s, batch: { max_readings: 50, max_wait: 100ms } }
`;

/** A durable subscriber that keeps every batch as it came, duplicates too. */
async function startRecorder(port: number) {
  const batches: Batch[] = [];
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    protocol: 'mqtt',
    clientId: 'recorder',
    clean: false,
    reconnectPeriod: 200,
    protocolVersion: 4,
  });
  client.on('error', () => {}); // it reconnects
  client.on('message', (_topic, payload) => void batches.push(JSON.parse(payload.toString())));
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  await client.subscribeAsync('sedge/+/readings', { qos: 1 });
  return { batches, stop: () => client.endAsync(true) };
}

/** Every check of the promise on what arrived. */
export function verify(batches: readonly Batch[]) {
  const contents = new Map<string, string>();
  const seen = new Set<number>();
  const newest = new Map<string, number>();
  const result = {
    batches: batches.length,
    records: 0,
    duplicates: 0,
    missing: 0,
    differing: 0,
    outOfOrder: 0,
    gaps: 0,
    streams: 0,
  };
  for (const batch of batches) {
    result.gaps += batch.gaps?.length ?? 0;
    const records = [...batch.readings, ...(batch.events ?? [])].sort((a, b) => a.seq - b.seq);
    if (records.length > 0 && (records[0]!.seq !== batch.first || records.at(-1)!.seq !== batch.last))
      result.missing += 1;
    for (const record of records) {
      const id = `${batch.stream}:${record.seq}`;
      const content = JSON.stringify(record);
      const known = contents.get(id);
      if (known !== undefined) {
        result.duplicates += 1;
        if (known !== content) result.differing += 1;
        continue;
      }
      contents.set(id, content);
      // A number belongs to one stream: what was never accepted was never published.
      if (seen.has(record.seq)) result.differing += 1;
      seen.add(record.seq);
      if (record.seq < (newest.get(batch.stream) ?? 0)) result.outOfOrder += 1;
      newest.set(batch.stream, record.seq);
    }
  }
  result.records = contents.size;
  result.streams = newest.size;
  const last = Math.max(0, ...seen);
  for (let seq = 1; seq <= last; seq++) if (!seen.has(seq)) result.missing += 1;
  return { ...result, last, contents };
}

export async function runCampaign({
  seed,
  rounds,
  log = () => {},
}: {
  seed: number;
  rounds: number;
  log?: (line: string) => void;
}): Promise<CampaignResult> {
  const random = lehmer(seed);
  const directory = mkdtempSync(join(tmpdir(), 'sedge-campaign-'));
  const received = join(directory, 'received.jsonl');
  const count = { refused: 0, resets: 0, silences: 0, brokerRestarts: 0, kills: 0 };
  let broker: Mosquitto | undefined;
  let run: SedgeProcess | undefined;
  let receive: SedgeProcess | undefined;
  let recorder: Awaited<ReturnType<typeof startRecorder>> | undefined;
  let proxy: Awaited<ReturnType<typeof startTcpProxy>> | undefined;
  try {
    broker = await startMosquitto();
    const brokerPort = broker.port;
    proxy = await startTcpProxy(brokerPort);
    const config = join(directory, 'sedge.yaml');
    writeFileSync(config, configuration(join(directory, 'journal'), proxy.port));
    recorder = await startRecorder(brokerPort);
    receive = startSedge(['receive', '--url', `mqtt://127.0.0.1:${brokerPort}`, '--out', received]);
    await until('sedge receive has subscribed', () => /receiving/.test(receive!.stderr()));
    const start = () => startSedge(['run', '--config', config, '--simulate']);
    run = start();
    await until('the first batch', () => recorder!.batches.length > 0);

    /** Each kind of fault once in every five rounds, in an order of chance. */
    let deck: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      if (deck.length === 0) deck = [0, 1, 2, 3, 4];
      await pause(200 + random() * 500);
      const [what] = deck.splice(Math.floor(random() * deck.length), 1);
      const holdMs = 200 + random() * 1_300;
      if (what === 0) {
        count.refused += 1;
        proxy.refuse();
        proxy.cut();
        await pause(holdMs);
        proxy.restore();
      } else if (what === 1) {
        count.resets += 1;
        proxy.cut();
      } else if (what === 2) {
        count.silences += 1;
        proxy.goSilent();
        await pause(holdMs + 2_000);
        proxy.restore();
      } else if (what === 3) {
        count.brokerRestarts += 1;
        await broker.stop();
        await pause(holdMs);
        await broker.start();
      } else {
        count.kills += 1;
        run.kill('SIGKILL');
        await run.ended;
        await pause(random() * 500);
        run = start();
      }
      log(
        `round ${round} of ${rounds}: ${['refused', 'reset', 'silent', 'broker restarted', 'sedge killed'][what!]}; ${recorder.batches.length} batches so far`,
      );
    }

    const pending = async () => {
      const { stdout } = await sedge(['journal', '--json', '--config', config]);
      return JSON.parse(stdout) as { pending: Record<string, number>; last: number };
    };
    // A batch more than what was there when the faults ended: the way is open again.
    const before = recorder.batches.length;
    await until('batches after the last fault', () => recorder!.batches.length > before + 5, 60_000);
    run.kill('SIGTERM');
    const status = await run.ended;
    if (status !== 0) throw new Error(`sedge run ended with ${status}: ${run.stderr().slice(-500)}`);
    const rest = await pending();
    if (rest.pending.cloud !== 0) throw new Error(`after a clean stop ${rest.pending.cloud} records wait`);
    await until('the newest record at the recorder', () => verify(recorder!.batches).last >= rest.last, 60_000);
    const lines = () =>
      readFileSync(received, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { stream: string; seq?: number; gap?: unknown });
    await until('the newest record at sedge receive', () => lines().some(({ seq }) => seq === rest.last), 60_000);
    receive.kill('SIGTERM');
    const receiveStatus = await receive.ended;
    if (receiveStatus !== 0)
      throw new Error(`sedge receive ended with ${receiveStatus}: ${receive.stderr().slice(-500)}`);

    const { contents, last, ...verified } = verify(recorder.batches);
    const kept = lines()
      .filter(({ seq }) => seq !== undefined)
      .map(({ stream, seq }) => `${stream}:${seq}`);
    const there = new Set(kept);
    const missingThere = [...contents.keys()].filter((id) => !there.has(id)).length;
    const twiceThere = kept.length - there.size;
    return { rounds, ...count, ...verified, receiveDiffers: missingThere + twiceThere + Math.abs(last - rest.last) };
  } finally {
    for (const process of [run, receive]) process?.kill('SIGKILL');
    await Promise.all([run?.ended, receive?.ended]);
    await recorder?.stop();
    await proxy?.close();
    await broker?.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
