/** RSS of the built program with many sensors on simulated chips. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startSedge } from '../../test/sedge-process.ts';
import { processStat, round } from '../process-stat.ts';

const SETTLE_MS = 20_000;
const SENSORS = 200;
const PER_BUS = 10;
/** Two addresses of each, so that ten fit on one bus. */
const CHIPS = [
  ['bme280', 0x76, 0x77],
  ['sht4x', 0x44, 0x45],
  ['bh1750', 0x23, 0x5c],
  ['tmp117', 0x48, 0x49],
  ['mcp9808', 0x18, 0x19],
] as const;

const sensorLine = (nth: number): string => {
  const [driver, ...addresses] = CHIPS[Math.floor((nth % PER_BUS) / 2)]!;
  const address = `0x${addresses[nth % 2]!.toString(16)}`;
  return `  s${nth}: { driver: ${driver}, bus: ${Math.floor(nth / PER_BUS)}, address: ${address}, every: 10s }\n`;
};

async function rssOf(sensors: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-bench-'));
  const lines = Array.from({ length: sensors }, (_, nth) => sensorLine(nth)).join('');
  const uplinks = 'uplinks: { nobody: { type: mqtt, url: "mqtt://127.0.0.1:1" } }\n';
  writeFileSync(
    join(directory, 'sedge.yaml'),
    `version: 1\ndevice: bench\nsensors:\n${lines}journal: { directory: ${directory}/journal }\n${uplinks}`,
  );
  const sedge = startSedge(['run', '--simulate', '--config', join(directory, 'sedge.yaml')]);
  try {
    await pause(SETTLE_MS);
    return processStat(sedge.child.pid!).rssMb;
  } finally {
    sedge.kill('SIGTERM');
    await sedge.ended;
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function measureMemory() {
  if (process.platform !== 'linux' || !existsSync('dist/sedge.mjs')) return 'needs Linux, and npm run build first';
  const [one, many] = [await rssOf(1), await rssOf(SENSORS)];
  return {
    sensors: SENSORS,
    rss_mb: round(many),
    rss_mb_with_one: round(one),
    kb_per_sensor: round(((many - one) * 1024) / (SENSORS - 1)),
  };
}
