/** From exec to the first batch that the broker has: beside the start of an empty Node, in turn. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { startMosquitto } from '../test/mosquitto.ts';
import { startSedge } from '../test/sedge-process.ts';
import { median, round } from './process-stat.ts';

const RUNS = 15;

export async function measureStart() {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-bench-'));
  const broker = await startMosquitto();
  const client = mqtt.connect({ host: '127.0.0.1', port: broker.port, protocol: 'mqtt' });
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  await client.subscribeAsync('sedge/bench/readings', { qos: 0 });
  const config = join(directory, 'sedge.yaml');
  writeFileSync(
    config,
    `version: 1\ndevice: bench\nsensors: { air: { driver: bme280, every: 1s } }\njournal: { directory: ${directory}/journal, commit_every: 10ms }\nuplinks:\n  cloud: { type: mqtt, url: "mqtt://127.0.0.1:${broker.port}", batch: { max_readings: 1, max_wait: 10ms } }\n`,
  );
  const empty: number[] = [];
  const first: number[] = [];
  try {
    for (let run = 0; run <= RUNS; run++) {
      const emptyAt = performance.now();
      spawnSync(process.execPath, ['-e', '0']);
      const emptyMs = performance.now() - emptyAt;
      const at = performance.now();
      const sedge = startSedge(['run', '--simulate', '--config', config]);
      await new Promise<void>((resolve) => client.once('message', () => resolve()));
      const firstMs = performance.now() - at;
      sedge.kill('SIGTERM');
      await sedge.ended;
      // The first pair warms the caches.
      if (run > 0) {
        empty.push(emptyMs);
        first.push(firstMs);
      }
    }
  } finally {
    await client.endAsync(true);
    await broker.close();
    rmSync(directory, { recursive: true, force: true });
  }
  const over = first.map((ms, n) => ms - empty[n]!);
  return {
    runs: RUNS,
    empty_node_ms: round(median(empty)),
    first_batch_ms: round(median(first)),
    over_empty_node_ms: round(median(over)),
  };
}
