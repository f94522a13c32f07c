import { describe, expect, it } from 'vitest';
import { createSeen, type Screen, statusFrame } from '../../src/status/screen.ts';
import { lineCells, paint } from '../../src/terminal/text.ts';
import { aReport } from './a-report.ts';

const withTemperature = (time: string, value: number) => {
  const report = aReport();
  const { air } = report.sensors;
  const temperature = { value, quantity: 'temperature', unit: 'Cel', decimals: 2 };
  return {
    ...report,
    sensors: { ...report.sensors, air: { ...air!, time, channels: { ...air!.channels, temperature } } },
  };
};

/** A minute of looking. */
function looked() {
  const seen = createSeen();
  for (let second = 0; second < 60; second++) {
    seen.take(withTemperature(`2026-11-22T12:00:${second}`, 21 + Math.sin(second / 6)));
  }
  return seen;
}
const frame = (screen: Partial<Screen> = {}, report = aReport()) =>
  statusFrame(report, looked(), { columns: 80, rows: 30, ...screen }).map((line) => paint(line, false).trimEnd());

describe('the live view of a service', () => {
  it('shows sensors with curves, backlogs as bars, and the journal', () => {
    expect(frame()).toMatchInlineSnapshot(`
      [
        " greenhouse-1  1 sensor offline, 1 uplink offline  Sedge 1.2.3      up 76:05:00",
        "",
        " ● air   temperature       21.37 °C     ▂▁▁▁▁▁▁▂▂▂▃▄▄▅▅▆▆▇▇███████▇▇▆▆▅▅▄▄▃  3s",
        "         humidity           45.2 %RH    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁",
        "         pressure        1013.25 hPa    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁",
        " ○ lamp  offline  bus.nack: nothing acknowledges at 0x23 on i2c-1: check …  12m",
        " ● door  state",
        " ● disk  free               12.3 MB     ▁                                    3s",
        "",
        " ● cloud  ████████████████████████  1200 waiting  1.2/s  2 s ago · delivered in…",
        " ○ farm   ██████████████░░░░░░░░░░  12 waiting  0/s  nothing yet · uplink.unrea…",
        "",
        " ● journal  /var/lib/sedge",
        "   12.4 MB of at most 512.0 MB · 1343 accepted · 141 dropped · oldest that wait…",
        "   writes 123.0 MB a day: an ordinary card (10 TB of writes) outlasts this by f…",
        "",
        " ! configuration not applied: 2 problems",
        "",
        " q quit",
      ]
    `);
  });

  it.each([
    [80, 24],
    [60, 20],
    [40, 12],
    [20, 5],
    [200, 60],
    [10, 1],
  ])('fits a terminal of %d by %d', (columns, rows) => {
    const lines = statusFrame(aReport(), looked(), { columns, rows });
    expect(lines.length).toBeLessThanOrEqual(rows);
    for (const line of lines) expect(lineCells(line)).toBeLessThanOrEqual(columns);
  });

  it('keeps the last report on the screen when nobody answers any more, and lets it grow old', () => {
    const lines = frame({ silence: { forMs: 60_000, reason: 'no running service was found' } });
    expect(lines[0]).toContain('no answer');
    expect(lines.find((line) => line.includes('air'))).toMatch(/63s$/);
    expect(lines).toContain(' no answer: no running service was found');
  });

  it('takes the same reading once, and keeps no more than a curve shows', () => {
    const seen = createSeen();
    for (let look = 0; look < 5; look++) seen.take(withTemperature('2026-11-22T12:00:00', 21));
    expect(seen.history('air', 'temperature')).toEqual([21]);
    for (let look = 0; look < 100; look++) seen.take(withTemperature(String(look), look));
    expect(seen.history('air', 'temperature')).toHaveLength(40);
    expect(seen.history('air', 'none')).toEqual([]);
  });
});
