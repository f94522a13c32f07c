import { describe, expect, it } from 'vitest';
import { frame, render } from '../../src/demo/screen.ts';
import { createModel, type DemoView, type Moment, type ShownSensor } from '../../src/demo/view.ts';
import { MAX_HISTORY, rowsPerSensor } from '../../src/terminal/sensor-lines.ts';
import { lineCells } from '../../src/terminal/text.ts';

const channel = (name: string, unit: string, decimals: number) => ({ name, unit, decimals });
const sensors: readonly ShownSensor[] = [
  {
    id: 'air',
    driver: 'bme280',
    channels: [channel('temperature', 'Cel', 2), channel('humidity', '%RH', 1), channel('pressure', 'hPa', 2)],
  },
  { id: 'motor', driver: 'adxl345', channels: ['rms', 'peak', 'crest'].map((name) => channel(name, '1', 2)) },
  { id: 'door', driver: 'gpio-input', channels: [channel('state', '1', 0)] },
  { id: 'board', driver: 'host', channels: [channel('memory', 'byte', 0)] },
];
const startedMs = Date.UTC(2026, 10, 22, 12);
const nowMs = startedMs + 42_000;
const online = { state: 'online' } as const;

const moment = (overrides: Partial<Moment> = {}): Moment => ({
  nowMs,
  startedMs,
  broker: { up: true, port: 41883 },
  connected: true,
  states: { air: online, motor: online, door: online, board: online },
  unplugged: new Set(),
  totals: {
    taken: 412,
    accepted: 410,
    acknowledged: 405,
    batches: 41,
    backlog: 5,
    gaps: 0,
    received: 405,
    repeated: 0,
  },
  ...overrides,
});

function view(overrides: Partial<Moment> = {}): DemoView {
  const model = createModel(sensors);
  for (let second = 0; second <= 40; second++) {
    const timeMs = startedMs + second * 1_000;
    const wave = Math.sin(second / 6);
    model.reading('air', timeMs, { temperature: 21 + wave, humidity: 45 - wave, pressure: 1013.25 });
    if (second % 5 === 0) model.reading('motor', timeMs, { rms: second % 3, peak: 2, crest: 3 });
    if (second % 20 === 0) model.reading('door', timeMs, { state: second === 20 ? 1 : 0 });
  }
  return model.view(moment(overrides));
}

const lines = (shown: DemoView, columns: number, rows: number): string[] =>
  frame(shown, columns, rows).map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );

describe('the live view', () => {
  it('shows every channel with unit, curve and age, and the totals', () => {
    expect(lines(view(), 80, 24)).toEqual([
      ' sedge demo  simulated sensors, a journal on disk, a broker of its own    00:42',
      '',
      ' ● air    temperature       21.37 °C     ██████▇▇▇▆▆▅▄▄▃▃▂▂▂▁▁▁▁▁▁▂▂▂▃▄▄▅▅▆  2s',
      '          humidity           44.6 %RH    ▁▁▁▁▁▁▂▂▂▃▃▄▅▅▆▆▇▇▇██████▇▇▇▆▅▅▄▄▃',
      '          pressure        1013.25 hPa    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁',
      ' ● motor  rms                1.00        ▁█▅▁█▅▁█▅                           2s',
      '          peak               2.00        ▁▁▁▁▁▁▁▁▁',
      '          crest              3.00        ▁▁▁▁▁▁▁▁▁',
      ' ● door   state                 0        ▁█▁                                 2s',
      ' ● board  memory',
      '',
      ' taken 412   accepted 410   acknowledged 405 in 41 batches   gaps 0',
      ' backlog  ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  5',
      ' broker   up   127.0.0.1:41883  counted 405 distinct',
      '',
      ' b cut/restore the broker   u unplug/replug a sensor   q quit',
    ]);
  });

  it('says that the broker is cut, and why a sensor is away', () => {
    const shown = view({
      broker: { up: false, port: 41883 },
      connected: false,
      unplugged: new Set(['air']),
      states: {
        air: { state: 'offline', error: 'bus.nack', message: 'nothing acknowledges at 0x76' },
        motor: online,
      },
      notice: 'uplink.lost uplink=broker',
    });
    const text = lines(shown, 80, 24);
    expect(text).toContain(' ○ air    unplugged  bus.nack: nothing acknowledges at 0x76                  2s');
    expect(text).toContain(' broker   CUT  what is measured now waits in the journal  counted 405 distinct');
    expect(text).toContain(' log      uplink.lost uplink=broker');
  });

  it('says where the page is, when there is one', () => {
    expect(lines(view({ pageUrl: 'http://127.0.0.1:41000/' }), 80, 24)).toContain(' page     http://127.0.0.1:41000/');
  });

  it('keeps the totals and the keys on a small terminal', () => {
    expect(lines(view(), 40, 12)).toEqual([
      ' sedge demo  simulated sensors, a journ…',
      '',
      ' ● air    tem… +2     21.37 °C       2s',
      ' ● motor  rms  +2      1.00          2s',
      ' ● door   state           0          2s',
      '',
      ' taken 412   accepted 410',
      ' acknowledged 405 in 41 batches   gaps …',
      ' backlog  ████░░░░░░░░░░░░  5',
      ' broker   up   127.0.0.1:41883  counted…',
      '',
      ' b broker   u unplug   q quit',
    ]);
  });

  it('never exceeds the terminal, whatever its size and whatever names it holds', () => {
    const shown = view({ notice: '温度計 '.repeat(40), connected: false });
    const wide = createModel([{ id: 'a'.repeat(63), driver: '温度'.repeat(30), channels: [] }]).view(moment());
    for (const candidate of [shown, wide])
      for (const columns of [1, 2, 10, 39, 60, 80, 200])
        for (const rows of [1, 3, 6, 10, 24, 60]) {
          const text = frame(candidate, columns, rows);
          expect(text.length).toBeLessThanOrEqual(rows);
          for (const line of text) expect(lineCells(line)).toBeLessThanOrEqual(columns);
        }
  });

  it('overwrites in place: home, each line cleared to its end, the rest below; no newline after the last', () => {
    const text = render(view(), { columns: 80, rows: 24, colour: false });
    expect(text.startsWith('\u001b[H sedge demo')).toBe(true);
    expect(text.endsWith('quit  \u001b[K\u001b[J')).toBe(true);
    expect(text).not.toContain('\u001b[2J');
    expect(text.split('\r\n')).toHaveLength(16);
  });

  it('has colours only when asked', () => {
    const sgr = /\u001b\[\d+m/;
    expect(render(view(), { columns: 80, rows: 24, colour: false })).not.toMatch(sgr);
    expect(render(view(), { columns: 80, rows: 24, colour: true })).toMatch(sgr);
  });
});

describe('room on the screen', () => {
  const shown = view().sensors;

  it('gives each sensor a line before any sensor gets a second', () => {
    expect(rowsPerSensor(shown, 2)).toEqual([1, 1, 0, 0]);
    expect(rowsPerSensor(shown, 4)).toEqual([1, 1, 1, 1]);
    expect(rowsPerSensor(shown, 6)).toEqual([2, 2, 1, 1]);
    expect(rowsPerSensor(shown, 7)).toEqual([3, 2, 1, 1]);
    expect(rowsPerSensor(shown, 50)).toEqual([3, 3, 1, 1]);
  });
});

describe('the model', () => {
  it('keeps no more history than the widest curve', () => {
    expect(view().sensors[0]!.channels[0]!.history).toHaveLength(MAX_HISTORY);
  });

  it('shows no old value for a channel that the last reading did not have', () => {
    const model = createModel(sensors);
    model.reading('air', nowMs, { temperature: 21, humidity: 45 });
    model.reading('air', nowMs, { temperature: 22 });
    const [temperature, humidity] = model.view(moment()).sensors[0]!.channels;
    expect(temperature!.latest).toBe(22);
    expect(humidity!.latest).toBeUndefined();
  });

  it('leaves out channels that this sensor never reports', () => {
    const model = createModel(sensors);
    expect(model.view(moment()).sensors[0]!.channels).toHaveLength(3);
    model.reading('air', nowMs, { humidity: 45 });
    expect(model.view(moment()).sensors[0]!.channels.map(({ name }) => name)).toEqual(['humidity']);
  });

  it('scales the bar to the largest backlog, so that draining is seen', () => {
    const model = createModel(sensors);
    const withBacklog = (backlog: number) => model.view(moment({ totals: { ...moment().totals, backlog } }));
    expect(withBacklog(3).backlogPeak).toBe(20);
    expect(withBacklog(500).backlogPeak).toBe(500);
    expect(withBacklog(3).backlogPeak).toBe(500);
  });
});
