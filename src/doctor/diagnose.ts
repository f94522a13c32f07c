/**
 * Runs checks side by side, each within its deadline, and gives their findings in the order of the list. Never throws: a
 * check that fails or does not end is a finding itself.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type Check, type DoctorContext, type Finding, fault } from './types.ts';

export interface Diagnosis extends Finding {
  /** `clock`, `sensors.air`. */
  readonly check: string;
}

/** More than any check needs, with a stuck bus or a silent broker. */
const CHECK_MS = 60_000;

export async function diagnose(checks: readonly Check[], context: DoctorContext): Promise<readonly Diagnosis[]> {
  const all = await Promise.all(
    checks.map(async (check) => {
      const findings = await bounded(check, context, context.clock);
      return findings.map((found) => ({
        check: found.about === undefined ? check.id : `${check.id}.${found.about}`,
        ...found,
      }));
    }),
  );
  return all.flat();
}

async function bounded(check: Check, context: DoctorContext, clock: Clock): Promise<readonly Finding[]> {
  const timer = new AbortController();
  const late = clock
    .sleep(CHECK_MS, AbortSignal.any([timer.signal, context.signal]))
    .then(() => [fault(`this check was given up after at most ${CHECK_MS / 1000} s`)]);
  try {
    return await Promise.race([check.run(context), late]);
  } catch (error) {
    return [fault(`this check failed itself (${messageOf(error)})`, { fix: 'SEDGE_DEBUG=1 sedge doctor' })];
  } finally {
    timer.abort();
  }
}
