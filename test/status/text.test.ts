import { describe, expect, it } from 'vitest';
import { statusLines } from '../../src/status/text.ts';
import { lineCells, paint } from '../../src/terminal/text.ts';
import { aReport } from './a-report.ts';

const plain = (report = aReport(), columns?: number) =>
  statusLines(report, columns).map((line) => paint(line, false).trimEnd());

describe('the page of status', () => {
  it('says at a glance what is well and what is not', () => {
    expect(plain()).toMatchInlineSnapshot(`
      [
        "● greenhouse-1  1 sensor offline, 1 uplink offline",
        "  Sedge 1.2.3 · up 3 d 4 h · pid 812 · clock set",
        "  /etc/sedge/sedge.yaml",
        "",
        "  SENSOR  STATE       AGE   RATE  VALUES",
        "● air     online      3 s  6/min  temperature 21.37 °C   humidity 45.2 %RH   pressure 1013.25 hPa",
        "○ lamp    offline  12 min    0/s  bus.nack: nothing acknowledges at 0x23 on i2c-1: check the wiring",
        "● door    online        –      –  no reading yet",
        "● disk    online      3 s  6/min  free 12.3 MB   4 missed",
        "",
        "  UPLINK  STATE    WAITING   RATE  LAST ACKNOWLEDGED",
        "● cloud   online      1200  1.2/s  2 s ago · delivered in about 6 min · 141 records lost in 1 gap, not told yet",
        "○ farm    offline       12    0/s  nothing yet · uplink.unreachable: nothing listens at farm:1883",
        "",
        "● journal  /var/lib/sedge",
        "  12.4 MB of at most 512.0 MB · 1343 accepted · 141 dropped · oldest that waits 2026-11-22T11:48:00.000Z",
        "  writes 123.0 MB a day: an ordinary card (10 TB of writes) outlasts this by far: more than 50 years",
        "",
        "! configuration not applied: 2 problems",
      ]
    `);
  });

  it('goes on in the next line on a terminal, between values and between words', () => {
    expect(plain(aReport(), 72)).toMatchInlineSnapshot(`
      [
        "● greenhouse-1  1 sensor offline, 1 uplink offline",
        "  Sedge 1.2.3 · up 3 d 4 h · pid 812 · clock set",
        "  /etc/sedge/sedge.yaml",
        "",
        "  SENSOR  STATE       AGE   RATE  VALUES",
        "● air     online      3 s  6/min  temperature 21.37 °C",
        "                                  humidity 45.2 %RH",
        "                                  pressure 1013.25 hPa",
        "○ lamp    offline  12 min    0/s  bus.nack: nothing acknowledges at 0x23",
        "                                  on i2c-1: check the wiring",
        "● door    online        –      –  no reading yet",
        "● disk    online      3 s  6/min  free 12.3 MB   4 missed",
        "",
        "  UPLINK  STATE    WAITING   RATE  LAST ACKNOWLEDGED",
        "● cloud   online      1200  1.2/s  2 s ago · delivered in about 6 min ·",
        "                                   141 records lost in 1 gap, not told",
        "                                   yet",
        "○ farm    offline       12    0/s  nothing yet · uplink.unreachable:",
        "                                   nothing listens at farm:1883",
        "",
        "● journal  /var/lib/sedge",
        "  12.4 MB of at most 512.0 MB · 1343 accepted · 141 dropped · oldest that waits 2026-11-22T11:48:00.000Z",
        "  writes 123.0 MB a day: an ordinary card (10 TB of writes) outlasts this by far: more than 50 years",
        "",
        "! configuration not applied: 2 problems",
      ]
    `);
    for (const line of statusLines(aReport(), 72).slice(4, 16)) expect(lineCells(line)).toBeLessThanOrEqual(72);
  });

  it('is all well when it is', () => {
    const { air } = aReport().sensors;
    const { cloud } = aReport().uplinks;
    const page = plain(aReport({ sensors: { air: air! }, uplinks: { cloud: cloud! }, warnings: [] }));
    expect(page[0]).toBe('● greenhouse-1  all well');
  });

  it('says how many records a destination refused for good', () => {
    const { cloud } = aReport().uplinks;
    const text = plain(aReport({ uplinks: { cloud: { ...cloud!, dead_letters: 3 } } })).join('\n');
    expect(text).toContain('· 3 records refused for good');
    expect(plain(aReport()).join('\n')).not.toContain('refused');
  });

  it('says what an empty configuration and a failing card mean', () => {
    const journal = { ...aReport().journal, storage: 'storage-failed' as const };
    const text = plain(aReport({ sensors: {}, uplinks: {}, journal, clock: 'unsynced', config: null })).join('\n');
    expect(text).toContain('● greenhouse-1  storage failed');
    expect(text).toContain('clock not set yet');
    expect(text).toContain('no sensors are configured');
    expect(text).toContain('no uplinks are configured: everything stays in the journal');
    expect(text).toContain('the card fails: readings are kept in memory only');
  });

  it('lets no control character of a message through', () => {
    const { lamp } = aReport().sensors;
    const text = plain(aReport({ sensors: { lamp: { ...lamp!, message: '\u001b[2J\u009b gone' } } })).join('');
    expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});
