/**
 * The promise against the power switch: the service on the virtual board publishes to a Mosquitto outside, and its power is
 * cut at moments of chance, while the broker answers, hangs or is away. After each cut the drive's log is replayed up to other
 * moments, with late writes kept, torn and lost by seed. At the end every number must be at the broker, once, with one content.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { cut, diskLogBytes, eventually, guest, progress, start, stop, tear, up } from '../board/rig.ts';
import { installService, journal, mountJournal, uninstall } from '../board/station.ts';
import { verify } from '../long/campaign.ts';
import { startMosquitto } from '../mosquitto.ts';
import { startTcpProxy } from '../tcp-proxy.ts';
import { startLedger } from './ledger.ts';
import { replay } from './replay.ts';

const MAX_SIZE_BYTES = 4_000_000;
const ON_DISK = { path: '/sedge', maxSizeBytes: MAX_SIZE_BYTES, consumers: ['cloud'] } as const;
/** Records after a boot before the next cut may come. */
const MIN_RECORDS = 20;
const MAX_WAIT_MS = 6_000;
const BACK_S = 240;

const configuration = (port: number) => `version: 1
device: powercut
sensors:
  air: { driver: bme280, bus: 1, address: 0x76, every: 1s }
  lamp: { driver: bh1750, bus: 1, address: 0x23, every: 500ms }
  room: { driver: sht4x, bus: 1, address: 0x45, every: 200ms }
  walk: { driver: mock, every: 50ms, options: { wave: walk, min: 0, max: 100 } }
journal: { directory: /var/lib/sedge, commit_every: 1s, max_size: 4MB }
uplinks:
  cloud: { type: mqtt, url: "mqtt://10.0.2.2:${port}", keepalive: 5s, batch: { max_readings: 25, max_wait: 200ms } }
`;

export interface PowercutResult {
  readonly cuts: number;
  readonly replays: number;
  readonly records: number;
  readonly streams: number;
  readonly duplicates: number;
  /** Writes that the replayed drives kept in part, and not at all. */
  readonly tornWrites: number;
  readonly lostWrites: number;
  readonly acceptedLost: number;
  /** Delivered or readable with another content, or out of order. */
  readonly wrong: number;
  readonly lostBeforeAcceptance: number;
  readonly seconds: number;
}

/** Lehmer's generator: the same seed makes the same campaign, as far as the board's own pace allows. */
function lehmer(seed: number): () => number {
  let state = (seed % 0x7ffffffe) + 1;
  for (let i = 0; i < 5; i++) state = (state * 48271) % 0x7fffffff; // small seeds start alike
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

export async function powercut(options: { cuts: number; torn: number; seed: number }): Promise<PowercutResult> {
  const random = lehmer(options.seed);
  const beganMs = performance.now();
  /** The newest record that a journal said it had accepted, while the broker could not have it. */
  const known: { readonly stream: string; readonly seq: number }[] = [];
  const count = { replays: 0, tornWrites: 0, lostWrites: 0, acceptedLost: 0, wrong: 0 };
  const broker = await startMosquitto();
  const proxy = await startTcpProxy(broker.port);
  const ledger = await startLedger(broker.url, diskLogBytes);
  try {
    await up();
    await guest('systemctl enable --now --quiet rig-net');
    await mountJournal();
    await installService(configuration(proxy.port));

    for (let round = 1; round <= options.cuts; round++) {
      ledger.beginBoot(round);
      const before = ledger.last();
      const firstLogBytes = await eventually(`records of boot ${round}`, BACK_S, async () =>
        ledger.last() >= before + MIN_RECORDS ? diskLogBytes() : undefined,
      );
      const way = ['answers', 'hangs', 'is away'][round % 3]!;
      if (way !== 'answers') {
        if (way === 'hangs') proxy.goSilent();
        else {
          proxy.refuse();
          proxy.cut();
        }
      }
      await pause(random() * MAX_WAIT_MS);
      // What only the journal holds: asked beside the service.
      if (way !== 'answers') {
        const { stream, last } = await journal();
        if (stream !== null && last !== null) known.push({ stream, seq: last });
      }
      await cut();
      const arrived = ledger.arrived.length;
      const share = Math.ceil((options.torn - count.replays) / (options.cuts - round + 1));
      for (let nth = 0; nth < share; nth++) {
        const seed = options.seed * 1_000_000 + count.replays;
        const result = await replay({ seed, afterBytes: firstLogBytes }, ledger.arrived, ON_DISK);
        count.replays += 1;
        count.tornWrites += result.kept.torn;
        count.lostWrites += result.kept.lost;
        count.acceptedLost += result.lost;
        count.wrong += result.wrong;
        if (result.lost + result.wrong > 0) progress(`torn replay ${seed}: ${JSON.stringify(result)}`);
      }
      proxy.restore();
      // Every other time the board itself goes on with a disk on which late writes were kept, torn and lost.
      if (round % 2 === 0) await tear({ seed: round });
      await start();
      await eventually(`everything accepted before cut ${round}`, BACK_S, async () =>
        ledger.last() > Math.max(known.at(-1)?.seq ?? 0, before) && ledger.arrived.length > arrived ? true : undefined,
      );
      progress(`cut ${round} of ${options.cuts}, broker ${way}: ${ledger.last()} records, ${count.replays} replays`);
    }
    // The last of what was accepted comes with a clean stop.
    await guest('systemctl stop sedge', 60);
    const { last, pending } = await journal();
    const waiting = Object.values(pending).reduce((sum, one) => sum + one, 0);
    const whole = verify(ledger.batches);
    const reached = new Map(ledger.arrived.map(({ stream, seq }) => [stream, seq]));
    // A number that was given again, to another record, is no hole: the stream tells.
    const renumbered = known.reduce((sum, { stream, seq }) => sum + Math.max(0, seq - (reached.get(stream) ?? 0)), 0);
    return {
      cuts: options.cuts,
      ...count,
      records: whole.records,
      streams: whole.streams,
      duplicates: whole.duplicates,
      acceptedLost:
        count.acceptedLost + whole.missing + whole.gaps + renumbered + Math.max(0, (last ?? 0) - waiting - whole.last),
      wrong: count.wrong + whole.differing + whole.outOfOrder,
      lostBeforeAcceptance: ledger.neverDelivered(),
      seconds: Math.round((performance.now() - beganMs) / 1000),
    };
  } finally {
    await uninstall().catch(() => {});
    await stop().catch(() => cut());
    await ledger.close();
    await proxy.close();
    await broker.close();
  }
}
