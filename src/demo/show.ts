/**
 * One demo from curtain to curtain: a broker, a journal in a temporary directory, the runtime on simulated buses, and the
 * broker's own count beside it. Knows no terminal.
 */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Log } from '../service/log.ts';
import { startBroker } from './broker.ts';
import { DEMO_READINGS_TOPIC, demoConfig } from './config.ts';
import { createLedger } from './ledger.ts';
import type { Outcome } from './plain.ts';
import { openSession } from './session.ts';
import { createModel, type DemoView, type Totals } from './view.ts';

export interface ShowOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly isPageOn: boolean;
}

export interface Show {
  readonly port: number;
  readonly pageUrl: string | undefined;
  readonly brokerUp: boolean;
  view(notice?: string): DemoView;
  totals(): Totals;
  /** Cuts the broker off, or brings it back. */
  toggleBroker(): Promise<void>;
  /** Unplugs the next sensor of the bus in turn, or plugs in the one that is out. */
  togglePlug(): void;
  /** Brings the broker back if it is cut, stops the runtime (which delivers what is left), and removes the journal. */
  finish(): Promise<Outcome>;
}

/** Longest wait for the uplink to find a broker that came back only for the end. */
const RECONNECT_WAIT_MS = 15_000;
const RECONNECT_POLL_MS = 100;

export async function openShow({ clock, log, version, port, isPageOn }: ShowOptions): Promise<Show> {
  const journalDirectory = await mkdtemp(join(tmpdir(), `sedge-demo-${process.pid}-`));
  const removeJournal = () => rmSync(journalDirectory, { recursive: true, force: true });
  // The last resort, for a second Ctrl-C or a crash.
  process.once('exit', removeJournal);
  const clear = () => {
    process.off('exit', removeJournal);
    removeJournal();
  };

  const broker = await startBroker(port).catch((error: unknown) => {
    clear();
    throw error;
  });
  const ledger = createLedger();
  broker.onPublish((topic, payload) => {
    if (topic === DEMO_READINGS_TOPIC) ledger.take(payload.toString());
  });
  const yaml = demoConfig({ port: broker.port, journalDirectory, isPageOn });
  const session = await openSession({ yaml, clock, log, version }).catch(async (error: unknown) => {
    await broker.close();
    clear();
    throw error;
  });

  const startedMs = clock.now();
  const model = createModel(session.sensors);
  const stopReadings = session.onReading(model.reading);
  const unplugged = new Set<string>();
  let turn = 0;
  const totals = (): Totals => {
    const { taken, accepted, acknowledged, backlog, gaps } = session.state();
    const { batches, distinct, repeated } = ledger;
    return { taken, accepted, acknowledged, backlog, gaps, batches, received: distinct, repeated };
  };

  return {
    port: broker.port,
    pageUrl: session.pageUrl,
    get brokerUp() {
      return broker.up;
    },
    totals,
    view: (notice) =>
      model.view({
        nowMs: clock.now(),
        startedMs,
        broker: { up: broker.up, port: broker.port },
        ...(session.pageUrl !== undefined && { pageUrl: session.pageUrl }),
        connected: session.state().connected,
        states: session.state().sensors,
        unplugged,
        totals: totals(),
        ...(notice === undefined ? {} : { notice }),
      }),
    toggleBroker: () => (broker.up ? broker.cut() : broker.restore()),
    togglePlug() {
      const out = [...unplugged][0];
      const sensor = out ?? session.pluggable[turn++ % session.pluggable.length];
      if (sensor === undefined) return;
      if (out === undefined) unplugged.add(sensor);
      else unplugged.delete(sensor);
      session.unplug(sensor, out === undefined);
    },
    async finish() {
      await broker.restore();
      const untilMs = clock.monotonic() + RECONNECT_WAIT_MS;
      while (!session.state().connected && clock.monotonic() < untilMs) await clock.sleep(RECONNECT_POLL_MS);
      stopReadings();
      await session.stop();
      const outcome = { totals: totals(), declaredLost: ledger.declaredLost };
      await broker.close();
      clear();
      return outcome;
    },
  };
}
