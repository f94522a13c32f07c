/**
 * The buses of `--simulate`: each configured sensor finds its chip's simulation at its place, in the environment's world,
 * with its own faults.
 *
 * - Places are as on real hardware: a chip behind a multiplexer is reached through its channel only.
 * - A fault stands between a sensor and the bus, not on the bus: a chip that hangs delays nobody else.
 * - A sensor whose driver has no simulation finds an empty address, a line that stays low, or the real files.
 */
import type { Clock } from '../clock.ts';
import { type Buses, i2cViews, type MuxPlace, placeKey } from './buses.ts';
import { faultIntercept, noisyWorld, type SimulatedFault } from './faults.ts';
import { faultyLine } from './faulty-line.ts';
import { type FileTree, fileTree } from './files.ts';
import type { GpioLine, GpioPlace } from './gpio.ts';
import type { I2cBus, I2cTransfer } from './i2c.ts';
import { type SimulatedMux, simulatedMux } from './mux.sim.ts';
import type { SimulatedWire, Simulation, SimulationOptions, World } from './sim.ts';
import { faultyFileTree, simulatedFileTree } from './simulated-files.ts';
import { simulatedGpioLine } from './simulated-gpio.ts';
import { type Intercept, type SimulatedI2cBus, simulatedI2cBus } from './simulated-i2c.ts';

/** Which sensor is where. */
export interface Placement {
  readonly id: string;
  /** Key of the table of simulations. */
  readonly driver: string;
  readonly place:
    | { readonly bus: 'i2c'; readonly on: number; readonly address: number; readonly mux?: MuxPlace }
    | { readonly bus: 'gpio'; readonly place: GpioPlace }
    | { readonly bus: 'files' | 'none' };
  /** For a simulation on files: its name and place are options. */
  readonly options?: SimulationOptions;
}

export interface SimulatedBusesOptions {
  readonly placements: readonly Placement[];
  /** By driver id. */
  readonly simulations: Readonly<Record<string, Simulation>>;
  /** The surroundings of a sensor: `environment(...).world`. */
  world(sensorId: string): World;
  /** By sensor id. */
  readonly faults?: Readonly<Record<string, readonly SimulatedFault[]>>;
  readonly seed: number;
  readonly clock: Clock;
  /** What the system's files say: `host` stays real. */
  readonly files?: FileTree;
}

export interface SimulatedBuses extends Buses {
  /** Puts a sensor's chip at its place, as after power-on: for one that is configured while running. */
  put(placement: Placement): void;
}

const STAYS_LOW: SimulatedWire = { level: () => 0, nextEdge: () => undefined };
const lineKey = ({ chip = '', line }: GpioPlace): string => `${chip}/${line}`;

export function simulatedBuses(options: SimulatedBusesOptions): SimulatedBuses {
  const { placements, simulations, world, faults = {}, seed, clock, files = fileTree() } = options;
  const parents = new Map<number, SimulatedI2cBus>();
  const muxes = new Map<string, SimulatedMux>();
  /** By place and address, of the sensors that have faults. */
  const intercepts = new Map<string, Map<number, Intercept>>();
  const wires = new Map<string, { readonly sensor: string; readonly wire: SimulatedWire }>();

  const parentOf = (on: number): SimulatedI2cBus => {
    const parent = parents.get(on) ?? simulatedI2cBus({ title: `simulated I2C bus ${on}`, transcriptLength: 0 });
    parents.set(on, parent);
    return parent;
  };
  const muxOf = (on: number, address: number): SimulatedMux => {
    const key = `${on}/${address}`;
    const mux = muxes.get(key) ?? simulatedMux();
    if (!muxes.has(key)) parentOf(on).attach(address, mux);
    muxes.set(key, mux);
    return mux;
  };

  /** By sensor id: each has files of its own. */
  const trees = new Map<string, FileTree>();

  const put = ({ id, driver, place, options: chosen = {} }: Placement): void => {
    const own = { faults: faults[id] ?? [], clock, seed, sensor: id };
    const simulation = simulations[driver];
    const surroundings = () => noisyWorld(world(id), own);
    if (place.bus === 'i2c') {
      const { on, address, mux } = place;
      const plug = () => {
        if (simulation?.bus !== 'i2c') return;
        const chip = simulation.create(surroundings());
        if (mux) muxOf(on, mux.address).attach(mux.channel, address, chip);
        else parentOf(on).attach(address, chip);
      };
      plug();
      const at = intercepts.get(placeKey(on, mux)) ?? new Map<number, Intercept>();
      intercepts.set(placeKey(on, mux), at);
      if (own.faults.length > 0) at.set(address, faultIntercept({ ...own, onUnplug: plug }));
      else at.delete(address);
    } else if (place.bus === 'gpio') {
      const wire = simulation?.bus === 'gpio' ? simulation.create(surroundings()) : STAYS_LOW;
      wires.set(lineKey(place.place), { sensor: id, wire });
    } else if (simulation?.bus === 'files') {
      const device = simulation.create(surroundings(), chosen);
      trees.set(id, faultyFileTree(simulatedFileTree({ files: device, clock, real: files }), own));
    } else trees.delete(id);
  };
  for (const placement of placements) put(placement);

  const views = i2cViews(parentOf, clock);
  const faulty = new Map<string, I2cBus>();
  return {
    put,
    i2c(on, mux) {
      const key = placeKey(on, mux);
      const view =
        faulty.get(key) ??
        withFaults(
          views.at(on, mux),
          (address) => intercepts.get(key)?.get(address),
          (error) => views.failed(on, error),
        );
      faulty.set(key, view);
      return view;
    },
    async gpio(place): Promise<GpioLine> {
      const { sensor, wire } = wires.get(lineKey(place)) ?? { sensor: '', wire: STAYS_LOW };
      const title = `simulated GPIO ${place.line}${place.chip ? ` of ${place.chip}` : ''}`;
      return faultyLine(simulatedGpioLine({ title, wire, clock }), {
        faults: faults[sensor] ?? [],
        clock,
        seed,
        sensor,
      });
    },
    files: (sensorId) => trees.get(sensorId) ?? files,
    health: views.health,
    close: views.close,
  };
}

/** A bus whose transfers meet the faults of the sensor at their address before they take the bus. */
function withFaults(
  bus: I2cBus,
  interceptOf: (address: number) => Intercept | undefined,
  onFault: (error: unknown) => void,
): I2cBus {
  const meeting =
    (transfer: I2cTransfer): I2cTransfer =>
    async (address, tx, rxLength) => {
      const intercept = interceptOf(address);
      if (!intercept) return transfer(address, tx, rxLength);
      let isPassed = false;
      const pass = () => {
        isPassed = true;
        return transfer(address, tx, rxLength);
      };
      try {
        return await intercept(address, tx, rxLength, pass);
      } catch (error) {
        // What reached the bus is counted there.
        if (!isPassed) onFault(error);
        throw error;
      }
    };
  return {
    title: bus.title,
    clockHz: bus.clockHz,
    transfer: meeting(bus.transfer),
    exclusive: (work) => bus.exclusive((transfer) => work(meeting(transfer))),
    close: () => bus.close(),
  };
}
