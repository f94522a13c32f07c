/** Stations against a scripted broker: started by a test, stopped after it, and what the broker got, taken apart. */
import { afterEach } from 'vitest';
import { until } from '../until.ts';
import { type Rig, type RigOptions, startRig } from './rig.ts';
import { type Script, type ScriptedBroker, startScriptedBroker } from './scripted-broker.ts';

export const BASE = 'sedge/greenhouse-1';
export const READINGS = `${BASE}/readings`;

export let broker: ScriptedBroker;
const rigs: Rig[] = [];

export async function station(script: Script = {}, options: Partial<RigOptions> = {}): Promise<Rig> {
  broker = await startScriptedBroker(script);
  return rigAt(broker.url, options);
}
/** A station whose broker is not there. */
export async function lonelyStation(): Promise<Rig> {
  broker = await startScriptedBroker();
  await broker.close();
  return rigAt(broker.url);
}
function rigAt(url: string, options: Partial<RigOptions> = {}): Rig {
  const rig = startRig({ url, ...options });
  rigs.push(rig);
  return rig;
}
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.uplink.stop(0);
  await broker?.close();
});

const STEP_MS = 100;
/** Lets time pass in small steps, with room for the sockets between, until something is so. */
export async function passingTime(rig: Rig, what: string, condition: () => boolean): Promise<void> {
  for (let step = 0; step < 3_000 && !condition(); step++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await rig.clock.advance(STEP_MS);
  }
  await until(what, condition);
}

export const batches = () => broker.payloads(READINGS).map((payload) => JSON.parse(payload));
export const seqs = (): number[] => batches().flatMap((batch) => batch.readings.map(({ seq }: { seq: number }) => seq));
export const distinct = () => [...new Set(seqs())].sort((a, b) => a - b);
export const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
