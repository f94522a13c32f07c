/** Real or simulated buses for a configuration. Simulations are loaded only when simulating. */
import { type Buses, placeKey, realBuses } from './bus/buses.ts';
import { environment } from './bus/environment.ts';
import type { I2cBus, I2cTransfer } from './bus/i2c.ts';
import type { Simulation } from './bus/sim.ts';
import { simulatedBuses } from './bus/simulated-buses.ts';
import type { Clock } from './clock.ts';
import type { Config, Place, SensorConfig } from './config/types.ts';
import { loadSimulation } from './config/user-driver.ts';
import { SedgeError } from './errors.ts';

/** Buses on which a sensor's simulation is put before the sensor is opened; on real hardware it is there already. */
export interface PlacedBuses extends Buses {
  put(sensor: SensorConfig): Promise<void>;
}

export interface Hardware {
  makeBuses(config: Config): PlacedBuses;
  /** Takes a simulated I2C sensor off its wires, or puts it back. Does nothing on real hardware. */
  unplug(place: Place, unplugged: boolean): void;
}

const addressKey = (on: string, address: number): string => `${on}:${address}`;

/** A bus on which the addresses in `unplugged` do not answer. */
function pluggable(bus: I2cBus, at: string, unplugged: ReadonlySet<string>): I2cBus {
  const checked =
    (transfer: I2cTransfer): I2cTransfer =>
    async (address, tx, rxLength) => {
      if (unplugged.size === 0 || !unplugged.has(addressKey(at, address))) return transfer(address, tx, rxLength);
      throw new SedgeError(
        'bus.nack',
        `nothing acknowledges at 0x${address.toString(16)} on ${bus.title}: it is unplugged`,
      );
    };
  return {
    title: bus.title,
    clockHz: bus.clockHz,
    transfer: checked(bus.transfer),
    exclusive: (work) => bus.exclusive((transfer) => work(checked(transfer))),
    close: () => bus.close(),
  };
}

export async function hardware({ simulate, clock }: { simulate: boolean; clock: Clock }): Promise<Hardware> {
  if (!simulate) return { makeBuses: () => ({ ...realBuses({ clock }), put: async () => {} }), unplug: () => {} };
  const simulations: Record<string, Simulation> = { ...(await import('../drivers/sim.ts')).simulations };
  const unplugged = new Set<string>();
  return {
    makeBuses({ simulation: { seed, speed, faults } }) {
      const { world } = environment({ seed, speed, clock });
      const buses = simulatedBuses({ placements: [], simulations, world, faults, seed, clock });
      return {
        ...buses,
        i2c: (on, mux) => pluggable(buses.i2c(on, mux), placeKey(on, mux), unplugged),
        async put({ id, driver, place, options }) {
          const own = await loadSimulation(driver);
          // Under its path: a user's driver may have the id of one of ours.
          if (own) simulations[own.path] = own.exported as Simulation;
          buses.put({ id, driver: own?.path ?? driver.id, place, options });
        },
      };
    },
    unplug(place, isUnplugged) {
      if (place.bus !== 'i2c') return;
      const key = addressKey(placeKey(place.on, place.mux), place.address);
      if (isUnplugged) unplugged.add(key);
      else unplugged.delete(key);
    },
  };
}
