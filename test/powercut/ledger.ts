/**
 * What the outside knows of a station whose power is cut: batches at a broker that outlives every cut, and the readings that
 * it announced on its state topics before they were accepted. Nothing here comes from the station's own files.
 */
import mqtt from 'mqtt';

export interface Arrived {
  readonly stream: string;
  readonly seq: number;
  readonly sensor: string;
  readonly valuesJson: string;
  /** So much had been written to the disk's log when it arrived: a cut after that must not lose it. */
  readonly logBytes: number;
  readonly boot: number;
}

interface Batch {
  readonly stream: string;
  readonly first?: number;
  readonly last?: number;
  readonly readings: readonly {
    readonly seq: number;
    readonly time: string;
    readonly sensor: string;
    readonly values: Readonly<Record<string, number>>;
  }[];
  readonly gaps?: readonly unknown[];
}

export interface Ledger {
  readonly batches: readonly Batch[];
  readonly arrived: readonly Arrived[];
  /** Newest number delivered so far; 0 before the first. */
  last(): number;
  /** What arrives from now on belongs to this boot. */
  beginBoot(boot: number): void;
  /** Announced, and never delivered: lost before they were accepted. */
  neverDelivered(): number;
  close(): Promise<void>;
}

/** `logBytes` says how long the disk's log is at this moment. */
export async function startLedger(url: string, logBytes: () => number): Promise<Ledger> {
  const batches: Batch[] = [];
  const arrived: Arrived[] = [];
  const announced = new Set<string>();
  const delivered = new Set<string>();
  let boot = 0;
  let last = 0;
  const client = mqtt.connect(url, { clientId: 'ledger', clean: false, reconnectPeriod: 200, protocolVersion: 4 });
  client.on('error', () => {}); // it reconnects
  client.on('message', (topic, payload) => {
    const text = payload.toString();
    if (topic.endsWith('/readings')) {
      const batch = JSON.parse(text) as Batch;
      batches.push(batch);
      for (const { seq, time, sensor, values } of batch.readings) {
        arrived.push({
          stream: batch.stream,
          seq,
          sensor,
          valuesJson: JSON.stringify(values),
          logBytes: logBytes(),
          boot,
        });
        delivered.add(`${sensor} ${time}`);
        last = Math.max(last, seq);
      }
    } else announced.add(`${topic.split('/').at(-1)} ${(JSON.parse(text) as { time: string }).time}`);
  });
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  await client.subscribeAsync('sedge/+/readings', { qos: 1 });
  await client.subscribeAsync('sedge/+/state/+');
  return {
    batches,
    arrived,
    last: () => last,
    beginBoot(next) {
      boot = next;
    },
    neverDelivered: () => [...announced].filter((reading) => !delivered.has(reading)).length,
    close: () => client.endAsync(true),
  };
}
