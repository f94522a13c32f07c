/**
 * What the demo shows, as data: readings come in one by one, totals from the runtime's snapshot, the received count from
 * the broker's ledger. Pure: no terminal, no timer, no clock of its own.
 */
import type { Values } from '../reading.ts';
import { type ChannelView, MAX_HISTORY, type SensorView, type ShownChannel } from '../terminal/sensor-lines.ts';

export interface ShownSensor {
  readonly id: string;
  readonly driver: string;
  readonly channels: readonly ShownChannel[];
}

export interface Totals {
  /** Readings taken from sensors. */
  readonly taken: number;
  /** Of these, flushed to the storage device. */
  readonly accepted: number;
  /** Of these, acknowledged by the broker. */
  readonly acknowledged: number;
  /** Batches that the broker was given, repeats left out. */
  readonly batches: number;
  /** Accepted and not yet acknowledged. */
  readonly backlog: number;
  readonly gaps: number;
  /** Distinct records that the broker counted itself. */
  readonly received: number;
  /** Records that came to the broker more than once. */
  readonly repeated: number;
}
export interface DemoView {
  readonly elapsedMs: number;
  readonly broker: { readonly up: boolean; readonly port: number };
  readonly connected: boolean;
  /** Where a browser sees the same. */
  readonly pageUrl?: string;
  readonly sensors: readonly SensorView[];
  readonly totals: Totals;
  /** Largest backlog so far: the bar's scale. */
  readonly backlogPeak: number;
  /** The last warning of the log, if it is recent. */
  readonly notice?: string;
}

/** A bar that is full at three records would be alarming. */
const MIN_BACKLOG_SCALE = 20;

/** What the model needs of the runtime at one instant. */
export interface Moment {
  readonly nowMs: number;
  readonly startedMs: number;
  readonly broker: DemoView['broker'];
  readonly connected: boolean;
  readonly pageUrl?: string;
  readonly states: Readonly<
    Record<string, { readonly state: SensorView['state']; readonly error?: string; readonly message?: string }>
  >;
  readonly unplugged: ReadonlySet<string>;
  readonly totals: Totals;
  readonly notice?: string;
}

export interface DemoModel {
  reading(sensor: string, timeMs: number, values: Values): void;
  view(moment: Moment): DemoView;
}

interface Track {
  lastMs: number | undefined;
  latest: Values;
  readonly history: Map<string, number[]>;
}

export function createModel(sensors: readonly ShownSensor[]): DemoModel {
  const tracks = new Map<string, Track>();
  for (const { id } of sensors) tracks.set(id, { lastMs: undefined, latest: {}, history: new Map() });
  let backlogPeak = MIN_BACKLOG_SCALE;

  const channelView = (channel: ShownChannel, track: Track): ChannelView => {
    const latest = track.latest[channel.name];
    const history = track.history.get(channel.name) ?? [];
    return { ...channel, history, ...(latest === undefined ? {} : { latest }) };
  };
  // A board without a thermometer never reports a temperature: after the first reading only what was seen is shown.
  const known = (channels: readonly ShownChannel[], track: Track) =>
    track.lastMs === undefined ? channels : channels.filter(({ name }) => track.history.has(name));
  const sensorView = ({ id, driver, channels }: ShownSensor, moment: Moment): SensorView => {
    const track = tracks.get(id)!;
    const status = moment.states[id] ?? { state: 'starting' };
    const reason = [status.error, status.message].filter((part) => part !== undefined).join(': ');
    return {
      id,
      driver,
      state: status.state,
      unplugged: moment.unplugged.has(id),
      channels: known(channels, track).map((channel) => channelView(channel, track)),
      ...(status.state === 'offline' && reason !== '' ? { reason } : {}),
      ...(track.lastMs === undefined ? {} : { ageMs: Math.max(0, moment.nowMs - track.lastMs) }),
    };
  };

  return {
    reading(sensor, timeMs, values) {
      const track = tracks.get(sensor);
      if (!track) return;
      track.lastMs = timeMs;
      track.latest = values;
      for (const [name, value] of Object.entries(values)) {
        const history = track.history.get(name) ?? [];
        history.push(value);
        if (history.length > MAX_HISTORY) history.shift();
        track.history.set(name, history);
      }
    },
    view(moment) {
      backlogPeak = Math.max(backlogPeak, moment.totals.backlog);
      const { startedMs, nowMs, broker, connected, pageUrl, totals, notice } = moment;
      return {
        elapsedMs: nowMs - startedMs,
        broker,
        connected,
        ...(pageUrl === undefined ? {} : { pageUrl }),
        sensors: sensors.map((sensor) => sensorView(sensor, moment)),
        totals,
        backlogPeak,
        ...(notice === undefined ? {} : { notice }),
      };
    },
  };
}
