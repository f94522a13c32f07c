/** The station as Prometheus reads it: the exact text, and what its own tool says of it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { metricsText } from '../../src/api/metrics.ts';
import { BASE_UNITS, baseUnitOf, shifted } from '../../src/api/quantities.ts';
import { UNITS } from '../../src/reading.ts';
import { aReport } from '../status/a-report.ts';

const COUNTS = { requests: 12, refused: 1, liveClients: 2, liveDropped: 0 };
const text = metricsText(aReport(), COUNTS);
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

it('has the values in base units, and none of a sensor that is offline or says nothing', () => {
  expect(
    text.split('\n').filter((line) => /^sedge_(temperature|humidity|pressure|illuminance|state|data)/.test(line)),
  ).toEqual([
    'sedge_temperature_celsius{sensor="air",channel="temperature"} 21.37',
    'sedge_humidity_ratio{sensor="air",channel="humidity"} 0.452',
    'sedge_pressure_pascals{sensor="air",channel="pressure"} 101325',
    'sedge_data_size_bytes{sensor="disk",channel="free"} 12345678',
  ]);
});

it('has states, ages and counts of sensors, uplinks, journal and itself', () => {
  const lines = text.split('\n');
  for (const line of [
    'sedge_sensor_up{sensor="lamp"} 0',
    'sedge_sensor_age_seconds{sensor="air"} 3.2',
    'sedge_sensor_reads_total{sensor="air"} 90',
    'sedge_sensor_failures_total{sensor="air"} 0',
    'sedge_sensor_missed_slots_total{sensor="disk"} 4',
    'sedge_uplink_up{uplink="cloud",type="mqtt"} 1',
    'sedge_uplink_pending_records{uplink="cloud",type="mqtt"} 1200',
    'sedge_uplink_lost_records{uplink="cloud",type="mqtt"} 141',
    'sedge_clock_synced 1',
    'sedge_journal_accepted_records_total 1343',
    'sedge_api_requests_total 12',
  ])
    expect(lines).toContain(line);
});

it('says of each metric once what it is, before its samples, which stand together', () => {
  const names = [...text.matchAll(/^# TYPE (\S+) (gauge|counter)$/gm)].map(([, name]) => name);
  expect(new Set(names).size).toBe(names.length);
  let current = '';
  for (const line of text.trimEnd().split('\n')) {
    const help = /^# HELP (\S+) \S/.exec(line);
    if (help) current = help[1]!;
    else
      expect(
        line.startsWith(`# TYPE ${current} `) || line.startsWith(`${current}{`) || line.startsWith(`${current} `),
      ).toBe(true);
  }
  expect(text.endsWith('\n')).toBe(true);
});

it('escapes what a person may have written', () => {
  const report = aReport();
  const air = { ...report.sensors.air!, name: 'a "quoted" \\ name\nin two lines' };
  expect(metricsText({ ...report, sensors: { air } }, COUNTS)).toContain(
    'name="a \\"quoted\\" \\\\ name\\nin two lines"} 1\n',
  );
});

it('keeps a quantity of a user under its own name, with its unit as a label', () => {
  const report = aReport();
  const channels = { flow: { value: 2.5, quantity: 'water_flow', unit: 'l/min', decimals: 1 } };
  const air = { ...report.sensors.air!, channels };
  expect(metricsText({ ...report, sensors: { air } }, COUNTS)).toContain(
    '\nsedge_water_flow{sensor="air",channel="flow",unit="l/min"} 2.5\n',
  );
});

it('knows the base unit of every quantity, and shifts digits without touching them', () => {
  expect(Object.keys(BASE_UNITS)).toEqual(Object.keys(UNITS));
  expect(baseUnitOf('nobody').suffix).toBe('');
  expect([shifted(1013.27, 2), shifted(-45.2, -2), shifted(612, -6), shifted(1e-7, 2), shifted(0, 2)]).toEqual([
    101327, -0.452, 0.000612, 0.00001, 0,
  ]);
});

it.skipIf(!hasPromtool)('is what promtool takes (Debian package prometheus; runs in .ci/run)', () => {
  const said = execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8', stdio: 'pipe' });
  expect(said).toBe('');
});
