import { expect, it } from 'vitest';
import { drivers } from '../../drivers/index.ts';
import { virtualClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { JournalStatus } from '../../src/journal/types.ts';
import { createReporter, type Parts } from '../../src/status/reporter.ts';

const JOURNAL: JournalStatus = {
  stream: 'a'.repeat(24),
  storage: 'ok',
  pending: { cloud: 0 },
  first: null,
  last: null,
  sizeBytes: 8_192,
  maxSizeBytes: 64_000_000,
  gaps: { cloud: [] },
  accepted: 0,
  dropped: 0,
  commits: 0,
  bytesWritten: 0,
  bytesPerDay: null,
};
const ONLINE = { state: 'online', failures: 0, missed: 0 } as const;

async function station() {
  const yaml = `version: 1
device: test
sensors: { air: { driver: bme280, every: 1s, name: Air }, door: { driver: gpio-input, line: 4 } }
journal: { directory: /nowhere }
uplinks: { cloud: { type: mqtt, url: "mqtt://localhost" } }
`;
  const parsed = await parseConfig(yaml, { env: {}, cwd: '/', drivers, hostname: 'test' });
  if (!('config' in parsed)) throw new Error('the configuration of the test is wrong');
  const { config } = parsed;
  const clock = virtualClock();
  const parts = { sensors: { air: { ...ONLINE, reads: 0 } }, uplinks: {}, journal: JOURNAL } as Parts;
  const now: { -readonly [Part in keyof Parts]: Parts[Part] } = { ...parts };
  const reporter = createReporter(clock, () => now);
  const report = () =>
    reporter.report({ config, version: '1', time: 'T', uptimeMs: 65_900, synced: false, oldest: null, warnings: [] });
  const read = (temperature: number) =>
    reporter.reading({ sensor: 'air', time: `at ${clock.now()}`, valuesJson: `{"temperature":${temperature}}` });
  return { clock, now, report, read };
}

it('a sensor is reported with its latest values, their age and its rate', async () => {
  const { clock, now, report, read } = await station();
  expect(report()).toMatchObject({ uptime_s: 65, clock: 'unsynced', config: null });
  expect(report().sensors.door).toMatchObject({ state: 'starting', age_s: null, channels: { state: { value: null } } });
  for (let reads = 1; reads <= 30; reads++) {
    await clock.advance(2_000);
    now.sensors = { air: { ...ONLINE, reads } };
    read(20 + reads);
  }
  // A step of the wall clock is no age.
  clock.step(-86_400_000);
  await clock.advance(3_000);
  expect(report().sensors.air).toMatchObject({
    name: 'Air',
    age_s: 3,
    per_second: 0.476,
    channels: { temperature: { value: 50, unit: 'Cel', decimals: 2 }, humidity: { value: null } },
  });
});

it('an uplink is reported with its backlog and how long that takes', async () => {
  const { clock, now, report } = await station();
  expect(report().uplinks.cloud).toMatchObject({ state: 'offline', pending: 0, drain_s: 0, per_second: null });
  now.journal = { ...JOURNAL, pending: { cloud: 600 } };
  expect(report().uplinks.cloud).toMatchObject({ pending: 600, drain_s: null });
  await clock.advance(30_000);
  const gap = { stream: 'b', from: 1, to: 9, lost: 9, reason: 'journal_full' } as const;
  now.journal = { ...JOURNAL, pending: { cloud: 600 }, gaps: { cloud: [gap] } };
  now.uplinks = {
    cloud: {
      connected: true,
      batchesAcknowledged: 3,
      deadLetters: 0,
      recordsAcknowledged: 300,
      inFlight: 2,
      acknowledgedAtMs: clock.now() - 1_500,
    },
  };
  expect(report().uplinks.cloud).toEqual({
    type: 'mqtt',
    dead_letters: 0,
    state: 'online',
    pending: 600,
    in_flight: 2,
    acknowledged: 300,
    last_acknowledged: '2026-11-22T12:00:28.500Z',
    last_acknowledged_s: 1.5,
    per_second: 10,
    drain_s: 60,
    gaps: 1,
    lost: 9,
  });
});

it('what is written in a day is told after two minutes, and counted anew with the journal', async () => {
  const { clock, now, report } = await station();
  now.journal = { ...JOURNAL, bytesWritten: 2_000_000 };
  await clock.advance(60_000);
  expect(report().journal).toMatchObject({ bytes_per_day: null, card: expect.stringContaining('too early') });
  await clock.advance(60_000);
  now.journal = { ...JOURNAL, bytesWritten: 2_060_000 };
  expect(report().journal).toMatchObject({ bytes_per_day: 86_400_000, card: expect.stringContaining('50 years') });
  now.journal = { ...JOURNAL, stream: 'c'.repeat(24) };
  expect(report().journal.bytes_per_day).toBeNull();
});
