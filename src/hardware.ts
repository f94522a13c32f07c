/** Real or simulated buses for a configuration. Simulations are loaded only when simulating. */
import { type Buses, realBuses } from './bus/buses.ts';
import { simulatedBuses } from './bus/simulated-buses.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/types.ts';

export interface Hardware {
  makeBuses(config: Config): Buses;
  /** Takes a simulated sensor off its wires, or puts it back. Does nothing on real hardware. */
  unplug(sensor: string, unplugged: boolean): void;
}

export async function hardware({ simulate, clock }: { simulate: boolean; clock: Clock }): Promise<Hardware> {
  if (!simulate) return { makeBuses: () => realBuses(), unplug: () => {} };
  const { simulations } = await import('../drivers/sim.ts');
  const unplugged = new Set<string>();
  return {
    makeBuses: ({ sensors, simulation }) =>
      simulatedBuses({
        simulations,
        placements: sensors.map(({ id, driver, place }) => ({ sensor: id, driver: driver.id, place })),
        seed: simulation.seed,
        speed: simulation.speed,
        faults: simulation.faults,
        isUnplugged: (sensor) => unplugged.has(sensor),
        clock,
      }),
    unplug: (sensor, isUnplugged) => void (isUnplugged ? unplugged.add(sensor) : unplugged.delete(sensor)),
  };
}
