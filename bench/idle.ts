/** RSS, processor time and wake-ups of `sedge run` with ten sensors at 1 Hz and an external broker, beside an empty Node. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startMosquitto } from '../test/mosquitto.ts';
import { startSedge } from '../test/sedge-process.ts';
import { type ProcessStat, processStat, round } from './process-stat.ts';

const SETTLE_MS = 15_000;
const WINDOW_MS = 60_000;

/** Ten sensors that cost nothing themselves, and ten on simulated chips, whose simulation is in the figure. */
const STATIONS: Readonly<Record<string, readonly string[]>> = {
  mock: Array.from(
    { length: 10 },
    (_, n) => `m${n}: { driver: mock, every: 1s, options: { wave: ${n % 2 === 0 ? 'sine' : 'walk'} } }`,
  ),
  simulated_chips: [
    ...Array.from({ length: 2 }, (_, n) => `air${n}: { driver: bme280, address: 0x7${6 + n}, every: 1s }`),
    ...Array.from({ length: 3 }, (_, n) => `room${n}: { driver: sht4x, address: 0x4${4 + n}, every: 1s }`),
    ...Array.from(
      { length: 2 },
      (_, n) => `lamp${n}: { driver: bh1750, address: ${n === 0 ? '0x23' : '0x5c'}, every: 1s }`,
    ),
    'board: { driver: host, every: 1s }',
    'wave: { driver: mock, every: 1s, options: { wave: sine } }',
    'walk: { driver: mock, every: 1s, options: { wave: walk } }',
  ],
};

const rates = (before: ProcessStat, after: ProcessStat) => ({
  rss_mb: round(after.rssMb),
  anonymous_mb: round(after.anonymousMb),
  cpu_percent: round(((after.cpuS - before.cpuS) / (WINDOW_MS / 1000)) * 100, 3),
  wakeups_per_s: round((after.wakeups - before.wakeups) / (WINDOW_MS / 1000), 2),
  main_thread_wakeups_per_s: round((after.mainWakeups - before.mainWakeups) / (WINDOW_MS / 1000), 2),
});

export async function measureIdle() {
  const result: Record<string, unknown> = { window_s: WINDOW_MS / 1000 };
  for (const [name, sensors] of Object.entries(STATIONS)) Object.assign(result, await measureStation(name, sensors));
  return result;
}

async function measureStation(name: string, sensors: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-bench-'));
  const broker = await startMosquitto();
  writeFileSync(
    join(directory, 'sedge.yaml'),
    `version: 1\ndevice: bench\nsensors:\n${sensors.map((line) => `  ${line}\n`).join('')}journal: { directory: ${directory}/journal }\nuplinks:\n  cloud: { type: mqtt, url: "mqtt://127.0.0.1:${broker.port}" }\n`,
  );
  const node = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const sedge = startSedge(['run', '--simulate', '--config', join(directory, 'sedge.yaml')]);
  try {
    await pause(SETTLE_MS);
    const before = [processStat(sedge.child.pid!), processStat(node.pid!)];
    await pause(WINDOW_MS);
    const after = [processStat(sedge.child.pid!), processStat(node.pid!)];
    return { [name]: rates(before[0]!, after[0]!), empty_node: rates(before[1]!, after[1]!) };
  } finally {
    node.kill();
    sedge.kill('SIGTERM');
    await sedge.ended;
    await broker.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
