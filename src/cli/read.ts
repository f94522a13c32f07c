/** `sedge read`: each sensor once, now. The same drivers, filters and rounding as `run`; nothing is kept or sent. */
import { systemClock } from '../clock.ts';
import type { PackedReading } from '../codec.ts';
import { nearest } from '../config/nearest.ts';
import type { SensorConfig } from '../config/types.ts';
import { isoTime } from '../delivery.ts';
import type { CounterSensor, EventSensor, PolledSensor } from '../driver.ts';
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import { hardware } from '../hardware.ts';
import { createPipeline } from '../pipeline.ts';
import { type Channels, type Instant, unitOf } from '../reading.ts';
import { withinDeadline } from '../sampler/deadline.ts';
import { OPENING_EXTRA_MS } from '../sampler/sensor-task.ts';
import type { Measurement } from '../sampler/types.ts';
import { sampledSensor, variantOf } from '../sensors.ts';
import { type Command, type CommandIo, EXIT } from './command.ts';
import { CONFIG_HELP, CONFIG_OPTION, requireConfig } from './configuration.ts';

/** How long a counter is watched to have something to say. */
const COUNT_WINDOW_MS = 1_000;
/** How long an event sensor may take to say its state. */
const FIRST_EVENT_MS = 2_000;

const nowStamp = (monoMs = systemClock.monotonic()): Instant => ({
  wallMs: systemClock.now() - (systemClock.monotonic() - monoMs),
  monoMs,
  synced: true,
});

async function measure(
  kind: 'poll' | 'event' | 'counter',
  open: PolledSensor | EventSensor | CounterSensor,
  sensor: { id: string; windowMs?: number },
  signal: AbortSignal,
): Promise<Measurement> {
  if (kind === 'poll') {
    const began = nowStamp();
    const values = await (open as PolledSensor).read(signal);
    const time = sensor.windowMs === undefined ? { at: nowStamp() } : { at: began, durationMs: sensor.windowMs };
    return { sensor: sensor.id, kind: 'reading', values, ...time };
  }
  if (kind === 'counter') {
    const counter = open as CounterSensor;
    const listening = new AbortController();
    const run = counter.run(listening.signal);
    const at = nowStamp();
    await Promise.race([run, systemClock.sleep(COUNT_WINDOW_MS, signal)]);
    const durationMs = Math.round(systemClock.monotonic() - at.monoMs);
    const values = counter.take(durationMs);
    listening.abort();
    await run;
    return { sensor: sensor.id, kind: 'reading', at, durationMs, values };
  }
  for await (const { values, monoMs } of (open as EventSensor).watch(signal)) {
    return { sensor: sensor.id, kind: 'event', at: nowStamp(monoMs), values };
  }
  throw new SedgeError('sensor.no-data', `${sensor.id} said nothing`);
}

function asJson({ sensor, at, durationMs, valuesJson }: PackedReading): string {
  const duration = durationMs === undefined ? '' : `,"duration_ms":${durationMs}`;
  return `{"time":"${isoTime(at.wallMs)}","sensor":"${sensor}","values":${valuesJson}${duration}}`;
}

/** `air     temperature 21.37 °C   humidity 45.2 %RH`. */
function asText(reading: PackedReading, channels: Channels, width: number): string {
  const values = Object.entries(JSON.parse(reading.valuesJson) as Record<string, number>).map(([name, value]) => {
    const unit = unitOf(channels[name]!);
    return `${name} ${value.toFixed(channels[name]!.decimals)}${unit === '1' ? '' : ` ${unit === 'Cel' ? '°C' : unit}`}`;
  });
  return `${reading.sensor.padEnd(width)}  ${values.join('   ')}`;
}

function choose(sensors: readonly SensorConfig[], names: readonly string[]): readonly SensorConfig[] {
  if (names.length === 0) return sensors;
  return names.map((name) => {
    const sensor = sensors.find(({ id }) => id === name);
    if (sensor) return sensor;
    const ids = sensors.map(({ id }) => id);
    const near = nearest(name, ids);
    const hint = near
      ? `did you mean ${near}?`
      : `there ${ids.length === 1 ? 'is' : 'are'} ${ids.join(', ') || 'none'}`;
    throw new SedgeError('usage', `the configuration has no sensor ${JSON.stringify(name)}; ${hint}`);
  });
}

export const read: Command = {
  name: 'read',
  summary: 'Read each sensor once, now, and print the values.',
  usage: 'sedge read [SENSOR...] [--json] [--simulate] [--config FILE]',
  help: `${CONFIG_HELP}
      --json         one reading a line, as in a batch without seq
      --simulate     read simulated chips instead of real ones

Prints what it can read; the rest is explained on stderr.
Exit status: 0 all read, 69 a bus or chip is missing, 1 a sensor failed otherwise.`,
  options: { ...CONFIG_OPTION, json: { type: 'boolean' }, simulate: { type: 'boolean' } },
  maxPositionals: Number.POSITIVE_INFINITY,
  async run(io: CommandIo, { values, positionals }) {
    const found = await requireConfig(values.config, io);
    if (!found) return EXIT.config;
    const { config } = found;
    const sensors = choose(config.sensors, positionals);
    const { makeBuses } = await hardware({ simulate: values.simulate === true, clock: systemClock });
    const buses = makeBuses(config);
    for (const sensor of config.sensors) await buses.put(sensor);
    const width = Math.max(0, ...sensors.map(({ id }) => id.length));

    const stops: AbortController[] = [];
    const stopAll = () => {
      for (const stop of stops) stop.abort();
    };
    io.signal.addEventListener('abort', stopAll, { once: true });

    const readOne = async (sensor: SensorConfig): Promise<number> => {
      const { channels, kind } = variantOf(sensor.driver, sensor.options);
      const sampled = sampledSensor(sensor, buses, systemClock);
      const deadlineMs =
        sampled.deadlineMs + (kind === 'counter' ? COUNT_WINDOW_MS : 0) + (kind === 'event' ? FIRST_EVENT_MS : 0);
      const openingMs = sampled.deadlineMs + OPENING_EXTRA_MS;
      const stop = new AbortController();
      stops.push(stop);
      try {
        const open = await withinDeadline(systemClock, openingMs, `${sensor.id}: opening`, sampled.open, stop);
        try {
          const work = (signal: AbortSignal) => measure(kind, open, sampled, signal);
          const measurement = await withinDeadline(systemClock, deadlineMs, `${sensor.id}: the read`, work, stop);
          const reading = createPipeline(channels, sensor.filters).process(measurement);
          if (!reading) throw new SedgeError('sensor.no-data', `${sensor.id} gave no value`);
          io.stdout.write(`${values.json === true ? asJson(reading) : asText(reading, channels, width)}\n`);
        } finally {
          await open.close().catch(() => {});
        }
        return EXIT.done;
      } catch (error) {
        io.stderr.write(`sedge: ${sensor.id}: ${messageOf(error)}\n`);
        const code = codeOf(error) ?? 'sensor.failed';
        return code.startsWith('bus.') || code === 'sensor.identity' ? EXIT.unavailable : EXIT.failed;
      }
    };
    // All at once: each has its own deadline, and buses keep their own order.
    const statuses = await Promise.all(sensors.map(readOne));
    await buses.close();
    if (statuses.includes(EXIT.unavailable)) return EXIT.unavailable;
    return statuses.includes(EXIT.failed) ? EXIT.failed : EXIT.done;
  },
};
