/** Readings a second from simulated sensors to acknowledged by Mosquitto, and what each costs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import mqtt from 'mqtt';
import { startMosquitto } from '../test/mosquitto.ts';
import { startSedge } from '../test/sedge-process.ts';
import { processStat, round } from './process-stat.ts';

/** Offered: more than one core takes. */
const SENSORS = 200;
const EVERY_MS = 10;
const SETTLE_MS = 5_000;
const WINDOW_MS = 20_000;

export async function measureThroughput() {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-bench-'));
  const broker = await startMosquitto();
  const sensors = Array.from(
    { length: SENSORS },
    (_, n) => `  s${n}: { driver: mock, every: ${EVERY_MS}ms, options: { wave: walk, min: 0, max: 100 } }\n`,
  );
  const config = join(directory, 'sedge.yaml');
  writeFileSync(
    config,
    `version: 1\ndevice: bench\nsensors:\n${sensors.join('')}journal: { directory: ${directory}/journal }\nuplinks:\n  cloud: { type: mqtt, url: "mqtt://127.0.0.1:${broker.port}", topics: { state: off } }\n`,
  );
  // Counts at the broker what arrives there; QoS 0 to itself costs sedge nothing.
  const client = mqtt.connect({ host: '127.0.0.1', port: broker.port, protocol: 'mqtt' });
  let newest = 0;
  client.on('message', (_topic, payload) => {
    newest = Math.max(newest, Number(/"last":(\d+)/.exec(payload.toString('latin1', 0, 200))?.[1] ?? 0));
  });
  await client.subscribeAsync('sedge/bench/readings', { qos: 0 });
  const sedge = startSedge(['run', '--simulate', '--config', config]);
  try {
    await pause(SETTLE_MS);
    const before = { stat: processStat(sedge.child.pid!), newest };
    await pause(WINDOW_MS);
    const after = { stat: processStat(sedge.child.pid!), newest };
    const readings = after.newest - before.newest;
    const cpuS = after.stat.cpuS - before.stat.cpuS;
    return {
      offered_per_s: (SENSORS * 1000) / EVERY_MS,
      acknowledged_per_s: round(readings / (WINDOW_MS / 1000), 0),
      cpu_percent: round((cpuS / (WINDOW_MS / 1000)) * 100),
      cpu_us_per_reading: round((cpuS * 1e6) / readings),
      rss_mb: round(after.stat.rssMb),
    };
  } finally {
    sedge.kill('SIGTERM');
    await sedge.ended;
    await client.endAsync(true);
    await broker.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
