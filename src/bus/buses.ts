/**
 * All ways to hardware, as the runtime is given them: the real ones here, the simulated ones in simulated-buses.ts.
 * Nothing is opened before it is used, and each I2C bus is opened once, however many sensors are on it.
 */
import { type Clock, systemClock } from '../clock.ts';
import { type BusHealth, type BusStatistics, busStatistics } from './bus-health.ts';
import { type FileTree, fileTree } from './files.ts';
import type { GpioLine, GpioOptions, GpioPlace } from './gpio.ts';
import { type GpioEnvironment, gpioLine } from './gpio-auto.ts';
import type { I2cBus } from './i2c.ts';
import { type LinuxI2cOptions, linuxI2cBus } from './linux-i2c.ts';
import { muxedBus, unmuxedBus } from './mux.ts';

/** One channel of a multiplexer. */
export interface MuxPlace {
  readonly address: number;
  readonly channel: number;
}

export interface Buses {
  /** Bus `on`, behind a channel of a multiplexer if one is given. It belongs to all its users: nobody else closes it. */
  i2c(on: number, mux?: MuxPlace): I2cBus;
  /** Opens a line; whoever asked closes it. */
  gpio(place: GpioPlace, pull?: GpioOptions['pull']): Promise<GpioLine>;
  /** The system's files, as this sensor sees them: simulated devices are each seen by one sensor only. */
  files(sensorId: string): FileTree;
  /** How each I2C bus is that was used, by name: `i2c-1`. */
  health(): Readonly<Record<string, BusHealth>>;
  /** Closes the I2C buses. */
  close(): Promise<void>;
}

export interface RealBusesOptions {
  readonly clock?: Clock;
  readonly i2c?: LinuxI2cOptions;
  readonly gpio?: GpioEnvironment;
}

/** Views of shared buses: the same object for the same place. */
export function i2cViews(open: (on: number) => I2cBus, clock: Clock = systemClock) {
  const statistics = new Map<number, BusStatistics>();
  const parents = new Map<number, I2cBus>();
  const views = new Map<string, I2cBus>();
  const once = <K, T>(map: Map<K, T>, key: K, make: () => T): T => {
    const one = map.get(key) ?? make();
    map.set(key, one);
    return one;
  };
  const statisticsOf = (on: number) => once(statistics, on, () => busStatistics(`I2C bus ${on}`, clock));
  return {
    at(on: number, mux?: MuxPlace): I2cBus {
      const parent = once(parents, on, () => statisticsOf(on).counting(open(on)));
      return once(views, placeKey(on, mux), () =>
        mux ? muxedBus(parent, mux.address, mux.channel, clock) : unmuxedBus(parent, clock),
      );
    },
    /** A transfer on bus `on` that failed before it reached it. */
    failed: (on: number, error: unknown) => statisticsOf(on).failed(error),
    health: () => Object.fromEntries([...statistics].map(([on, one]) => [`i2c-${on}`, one.health()])),
    close: async () => void (await Promise.all([...parents.values()].map((bus) => bus.close()))),
  };
}

export const placeKey = (on: number, mux?: MuxPlace): string => (mux ? `${on}/${mux.address}/${mux.channel}` : `${on}`);

export function realBuses({ clock, i2c, gpio }: RealBusesOptions = {}): Buses {
  const own = clock ? { clock } : {};
  const views = i2cViews((on) => linuxI2cBus(on, { ...own, ...i2c }), clock);
  const tree = fileTree();
  return {
    i2c: views.at,
    gpio: (place, pull) => gpioLine(place, pull ? { pull } : {}, { ...own, ...gpio }),
    files: () => tree,
    health: views.health,
    close: views.close,
  };
}
