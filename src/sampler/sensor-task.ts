/**
 * One sensor's life: open, serve slots or listen, and after a failure close, back off, open again. Nothing that happens
 * here reaches another sensor: all a sensor shares with others is the scheduler's timer.
 *
 * - A slot that comes while a read is under way is missed and counted, never queued.
 * - A read that is asked for is one more: it moves no slot, and a slot that comes meanwhile is served right after it.
 * - A slot that could not be served because the sensor was away is served once when it is back; later ones count as missed.
 */
import type { Clock } from '../clock.ts';
import type { CounterSensor, EventSensor, PolledSensor } from '../driver.ts';
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import type { Instant } from '../reading.ts';
import { withinDeadline } from './deadline.ts';
import type { Scheduler } from './scheduler.ts';
import type { Slots } from './slots.ts';
import type { Measurement, SampledSensor, Schedule, SensorHealth } from './types.ts';

/** First and longest wait before a failed sensor is opened again. */
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 10_000;
/** Doublings after which the longest wait is reached; keeps the power from overflowing. */
const BACKOFF_DOUBLINGS = 10;
/** What an opening may take beyond a read: at a cold start of a small board native packages load and chips reset. */
export const OPENING_EXTRA_MS = 5_000;
/** A read that began this shortly before a slot (because the sensor just came back) has served it. */
const SERVED_MS = 10;

/** More than so many that wait for one read are refused. */
const MAX_ASKERS = 16;

export interface SensorTaskDeps<Made> {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Both clocks at a moment of the monotonic one. */
  readonly stamp: (monoMs: number) => Instant;
  /** What it makes of a measurement is for those who asked for one. */
  readonly sink: (measurement: Measurement) => Made;
  readonly random: () => number;
  /** State or error of this sensor changed. */
  readonly onChange: (id: string) => void;
  /** Undefined for events. */
  readonly slots: Slots | undefined;
}

export interface SensorTask<Made> {
  health(): SensorHealth;
  /** One read beside the slots. Only of a polled sensor; rejects at once while it is offline. */
  read(): Promise<Made>;
  /** Other slots from now on; the sensor stays open. */
  reschedule(schedule: Schedule, slots: Slots): void;
  /** Ends reads, closes the sensor. Resolves in bounded time even when the driver hangs. */
  stop(): Promise<void>;
}

interface Asker<Made> {
  readonly resolve: (made: Made) => void;
  readonly reject: (cause: unknown) => void;
}

export function startSensorTask<Made>(sensor: SampledSensor, deps: SensorTaskDeps<Made>): SensorTask<Made> {
  const { clock, scheduler, stamp, sink, random } = deps;
  const { id } = sensor;
  let { schedule } = sensor;
  let { slots } = deps;
  let askers: Asker<Made>[] = [];
  /** Deadlines wait on the shared timer: nearly all are cancelled, and none of those wakes the processor. */
  const deadlines = { after: (ms: number, late: () => void) => scheduler.at(clock.monotonic() + ms, late) };
  const stopping = new AbortController();
  /** Of the present opening: aborted when a read is late, and at the stop. */
  let opening = new AbortController();
  const count = { reads: 0, failures: 0, missed: 0 };
  let state: SensorHealth['state'] = 'starting';
  let error: { code: string; message: string } | undefined;
  let failuresInRow = 0;
  /** A slot waits to be served. */
  let pending = schedule?.kind === 'every' && !schedule.align && schedule.offsetMs === undefined;
  let busy = false;
  let beganMs = Number.NEGATIVE_INFINITY;
  let wake = () => {};
  let cancelSlot = () => {};

  const servedMs = () => Math.min(SERVED_MS, schedule?.kind === 'every' ? schedule.everyMs / 2 : SERVED_MS);
  const refuse = (refused: readonly Asker<Made>[], cause: unknown) => {
    for (const { reject } of refused) reject(cause);
  };

  const changed = (nextState: SensorHealth['state'], cause?: unknown) => {
    const next =
      cause === undefined ? undefined : { code: codeOf(cause) ?? 'sensor.failed', message: messageOf(cause) };
    const isNew = nextState !== state || next?.code !== error?.code;
    state = nextState;
    error = next;
    if (isNew) deps.onChange(id);
  };
  const deliver = (measurement: Omit<Measurement, 'sensor'>): Made => {
    count.reads += 1;
    failuresInRow = 0;
    const made = sink({ sensor: id, ...measurement });
    changed('online');
    return made;
  };

  const armSlot = () => {
    if (!slots || stopping.signal.aborted) return;
    const { atMs, due, skipped } = slots.next();
    count.missed += skipped;
    const delayMs = due && schedule ? random() * schedule.jitterMs : 0;
    cancelSlot = scheduler.at(atMs + delayMs, () => {
      if (due) {
        // A read that began just now counts for this slot; then the one it was late for is the one that was missed.
        if (busy || pending || clock.monotonic() - beganMs < servedMs()) count.missed += 1;
        else pending = true;
        wake();
      }
      armSlot();
    });
  };
  const slotOrStop = async () => {
    while (!pending && askers.length === 0 && !stopping.signal.aborted)
      await new Promise<void>((resolve) => (wake = resolve));
  };

  const servePolled = async (open: PolledSensor) => {
    const read = (signal: AbortSignal) => open.read(signal);
    for (;;) {
      await slotOrStop();
      if (stopping.signal.aborted) return;
      const isSlot = pending;
      const asking = askers;
      askers = [];
      busy = isSlot;
      try {
        const startMs = clock.monotonic();
        if (isSlot) beganMs = startMs;
        const values = await withinDeadline(deadlines, sensor.deadlineMs, `${id}: the read`, read, opening);
        if (stopping.signal.aborted) {
          refuse(asking, stoppedError());
          return;
        }
        const { windowMs } = sensor;
        const samples = open.takeWindow?.();
        const time =
          windowMs === undefined ? { at: stamp(clock.monotonic()) } : { at: stamp(startMs), durationMs: windowMs };
        if (isSlot) pending = false;
        const made = deliver({ kind: 'reading', values, ...time, ...(samples && { samples }) });
        for (const { resolve } of asking) resolve(made);
      } catch (cause) {
        refuse(asking, cause);
        throw cause;
      } finally {
        busy = false;
      }
    }
  };

  const serveCounter = async (open: CounterSensor) => {
    const listening = new AbortController();
    let failure: unknown;
    const run = open.run(AbortSignal.any([stopping.signal, listening.signal])).then(
      () => {
        if (!stopping.signal.aborted && !listening.signal.aborted) failure = new Error(`${id}: stopped counting`);
        wake();
      },
      (cause) => {
        failure = cause;
        wake();
      },
    );
    // What was counted before belongs to no window of ours.
    pending = false;
    let windowBegan = stamp(clock.monotonic());
    changed('online');
    try {
      for (;;) {
        while (!pending && failure === undefined && !stopping.signal.aborted) {
          await new Promise<void>((resolve) => (wake = resolve));
        }
        if (failure !== undefined) throw failure;
        if (stopping.signal.aborted) return;
        pending = false;
        const ended = stamp(clock.monotonic());
        const durationMs = Math.round(ended.monoMs - windowBegan.monoMs);
        deliver({ kind: 'reading', at: windowBegan, durationMs, values: open.take(durationMs) });
        windowBegan = ended;
      }
    } finally {
      listening.abort();
      await Promise.race([run, clock.sleep(sensor.deadlineMs)]);
    }
  };

  const serveEvents = async (open: EventSensor) => {
    changed('online');
    for await (const { values, monoMs } of open.watch(stopping.signal)) {
      deliver({ kind: 'event', at: stamp(monoMs), values });
    }
    if (!stopping.signal.aborted) throw new Error(`${id}: stopped listening`);
  };

  const live = async () => {
    armSlot();
    while (!stopping.signal.aborted) {
      let open: PolledSensor | EventSensor | CounterSensor | undefined;
      opening = new AbortController();
      try {
        open = await withinDeadline(
          deadlines,
          sensor.deadlineMs + OPENING_EXTRA_MS,
          `${id}: opening`,
          (signal) => sensor.open(signal),
          opening,
        );
        if (sensor.kind === 'poll') await servePolled(open as PolledSensor);
        else if (sensor.kind === 'counter') await serveCounter(open as CounterSensor);
        else await serveEvents(open as EventSensor);
      } catch (cause) {
        if (stopping.signal.aborted) break;
        count.failures += 1;
        failuresInRow += 1;
        changed('offline', cause);
        refuse(askers.splice(0), cause);
      } finally {
        const opened = open;
        if (opened) {
          const close = async () => opened.close();
          // A chip that is gone cannot be left idle; that is no news.
          await withinDeadline(clock, sensor.deadlineMs, `${id}: closing`, close, new AbortController()).catch(
            () => {},
          );
        }
      }
      if (stopping.signal.aborted) break;
      const firstMs = schedule?.kind === 'every' ? Math.min(BACKOFF_FIRST_MS, schedule.everyMs) : BACKOFF_FIRST_MS;
      const backoffMs = Math.min(BACKOFF_MAX_MS, firstMs * 2 ** Math.min(failuresInRow - 1, BACKOFF_DOUBLINGS));
      await clock.sleep(backoffMs, stopping.signal);
    }
  };

  const stoppedError = () => new SedgeError('sensor.stopped', `${id} was stopped`);
  const ended = live();
  return {
    async read() {
      if (sensor.kind !== 'poll') {
        const how = sensor.kind === 'event' ? 'speaks when something happens' : 'counts from slot to slot';
        throw new SedgeError('sensor.not-read', `${id} ${how}: there is nothing to read now.`);
      }
      if (stopping.signal.aborted) throw stoppedError();
      if (error) throw new SedgeError(error.code, `${id} is offline: ${error.message}`);
      if (askers.length >= MAX_ASKERS) throw new SedgeError('sensor.busy', `${MAX_ASKERS} wait for a read of ${id}.`);
      return new Promise((resolve, reject) => {
        askers.push({ resolve, reject });
        wake();
      });
    },
    reschedule(nextSchedule, nextSlots) {
      cancelSlot();
      schedule = nextSchedule;
      slots = nextSlots;
      armSlot();
    },
    health: () => ({ state, ...(error && { error: error.code, message: error.message }), ...count }),
    async stop() {
      stopping.abort();
      opening.abort();
      cancelSlot();
      wake();
      refuse(askers.splice(0), stoppedError());
      // A driver that does not listen to its signal is left behind.
      await Promise.race([ended, clock.sleep(sensor.deadlineMs)]);
    },
  };
}
