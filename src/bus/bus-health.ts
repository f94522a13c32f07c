/**
 * How an I2C bus is: what went over it, what failed, how busy it is, and whether it is stuck. Counted where transfers are
 * made, so that the selections of multiplexers are in it, and the time that a transfer waits for its turn is not.
 *
 * A bus counts as stuck when transfers time out one after the other and nothing else happens: a chip holds the clock or the
 * data line. A transfer that somebody acknowledges, or nobody does, moves both lines and ends that.
 */
import type { Clock } from '../clock.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { I2cBus, I2cTransfer } from './i2c.ts';

/** As it is in the health report. */
export interface BusHealth {
  readonly transfers: number;
  /** By code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Share of the time in which a transfer was on the wires, over the last half to whole minute. */
  readonly busy: number;
  readonly last_error?: { readonly code: string; readonly message: string; readonly age_s: number };
  /** What is wrong and what to do, while the bus is stuck. */
  readonly stuck?: string;
}

export interface BusStatistics {
  /** The bus, counted. */
  counting(bus: I2cBus): I2cBus;
  /** A transfer that failed before it reached the bus. */
  failed(error: unknown): void;
  health(): BusHealth;
}

/** So many time-outs without anything else between them are no chip that was busy. */
const STUCK_TIMEOUTS = 3;
const WINDOW_MS = 30_000;
/** Codes of ours; a driver of the kernel or a user cannot make more than these. */
const MAX_CODES = 32;

export function busStatistics(title: string, clock: Clock): BusStatistics {
  let transfers = 0;
  let timeouts = 0;
  const errors = new Map<string, number>();
  let last: { readonly code: string; readonly message: string; readonly atMs: number } | undefined;
  let before = { busyMs: 0, spanMs: 0 };
  let window = { busyMs: 0, fromMs: clock.monotonic() };

  /** Begins a new window when the present one is over. */
  const turn = (nowMs: number) => {
    const spanMs = nowMs - window.fromMs;
    if (spanMs < WINDOW_MS) return;
    // After a long rest the window before is no measure of now.
    before = spanMs < 2 * WINDOW_MS ? { busyMs: window.busyMs, spanMs } : { busyMs: 0, spanMs: WINDOW_MS };
    window = { busyMs: 0, fromMs: nowMs };
  };
  const failed = (error: unknown) => {
    const code = codeOf(error) ?? 'bus.io';
    if (errors.has(code) || errors.size < MAX_CODES) errors.set(code, (errors.get(code) ?? 0) + 1);
    last = { code, message: messageOf(error), atMs: clock.monotonic() };
    if (code === 'bus.timeout') timeouts += 1;
    // Whoever is told that the bus is taken has not been on the wires.
    else if (code !== 'bus.busy') timeouts = 0;
  };
  const timed = async (transfer: I2cTransfer, ...[address, tx, rxLength]: Parameters<I2cTransfer>) => {
    const beganMs = clock.monotonic();
    turn(beganMs);
    transfers += 1;
    try {
      const reply = await transfer(address, tx, rxLength);
      timeouts = 0;
      return reply;
    } catch (error) {
      failed(error);
      throw error;
    } finally {
      window.busyMs += clock.monotonic() - beganMs;
    }
  };

  return {
    counting(bus) {
      const exclusive = async <T>(work: (transfer: I2cTransfer) => Promise<T>): Promise<T> => {
        let isOurs = false;
        try {
          return await bus.exclusive((transfer) => {
            isOurs = true;
            return work((...all) => timed(transfer, ...all));
          });
        } catch (error) {
          if (!isOurs) failed(error);
          throw error;
        }
      };
      return {
        title: bus.title,
        get clockHz() {
          return bus.clockHz;
        },
        transfer: (address, tx, rxLength) => exclusive((transfer) => transfer(address, tx, rxLength)),
        exclusive,
        close: () => bus.close(),
      };
    },
    failed,
    health() {
      const nowMs = clock.monotonic();
      turn(nowMs);
      const spanMs = before.spanMs + nowMs - window.fromMs;
      const busy = spanMs === 0 ? 0 : (before.busyMs + window.busyMs) / spanMs;
      return {
        transfers,
        errors: Object.fromEntries(errors),
        busy: Math.min(1, Math.round(busy * 10_000) / 10_000),
        ...(last && {
          last_error: {
            code: last.code,
            message: last.message,
            age_s: Math.max(0, Math.floor((nowMs - last.atMs) / 1_000)),
          },
        }),
        ...(timeouts >= STUCK_TIMEOUTS && {
          stuck: `${title} is stuck: the last ${timeouts} transfers timed out, so a chip holds its clock or data line: check wiring and pull-ups, or cycle the power of its chips`,
        }),
      };
    },
  };
}
