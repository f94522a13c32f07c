/** Around the whole run: whose death cuts the board, and no board left behind. */
import { cut, unavailable } from './rig.ts';

export function setup(): void {
  process.env.RIG_OWNER = String(process.pid);
}

export async function teardown(): Promise<void> {
  if (unavailable() === undefined) await cut();
}
