/** Typical driver bugs that are in no one place of its text: they stand around the driver, or between it and its wires. */
import type { AnyDriver, DriverContext, I2cDevice, PolledSensor, Values } from '../../src/driver.ts';

type Context = DriverContext<'i2c'>;
/** The driver with a bug, or undefined where it cannot have it. */
type Wrapper = (driver: AnyDriver) => AnyDriver | undefined;

const polled =
  (change: (sensor: PolledSensor) => PolledSensor): Wrapper =>
  (driver) =>
    driver.kind === 'poll'
      ? { ...driver, open: async (context: Context) => change(await driver.open(context)) }
      : undefined;
const wired =
  (change: (device: I2cDevice) => Partial<I2cDevice>): Wrapper =>
  (driver) => {
    if (driver.bus !== 'i2c' || driver.kind !== 'poll') return undefined;
    const open = (context: Context) =>
      driver.open({ ...context, device: { ...context.device, ...change(context.device) } });
    return { ...driver, open };
  };
const watched =
  (change: (context: DriverContext<'gpio'>) => DriverContext<'gpio'>): Wrapper =>
  (driver) =>
    driver.bus === 'gpio'
      ? ({ ...driver, open: (context: DriverContext<'gpio'>) => driver.open(change(context)) } as AnyDriver)
      : undefined;
const swapped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => bytes[at ^ 1] ?? byte);

export const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  'stale value: always the first one': polled(({ read, close }) => {
    let first: Values | undefined;
    return {
      async read(signal) {
        first ??= await read(signal);
        return first;
      },
      close,
    };
  }),
  'stale value: the one before': polled(({ read, close }) => {
    let before: Values | undefined;
    return {
      async read(signal) {
        const now = await read(signal);
        const given = before ?? now;
        before = now;
        return given;
      },
      close,
    };
  }),
  'stale value: the last one when a read fails': polled(({ read, close }) => {
    let last: Values | undefined;
    return {
      async read(signal) {
        try {
          last = await read(signal);
          return last;
        } catch (error) {
          if (last) return last;
          throw error;
        }
      },
      close,
    };
  }),
  'byte order of all words': wired(({ read, writeRead }) => ({
    read: async (length) => swapped(await read(length)),
    writeRead: async (bytes, length) => swapped(await writeRead(bytes, length)),
  })),
  'failed writes go unnoticed': wired(({ write }) => ({ write: (...bytes) => write(...bytes).catch(() => {}) })),
  'a failed reply is taken for zeros': wired(({ read, writeRead }) => ({
    read: (length) => read(length).catch(() => new Uint8Array(length)),
    writeRead: (bytes, length) => writeRead(bytes, length).catch(() => new Uint8Array(length)),
  })),
  'every wait too short': (driver) =>
    driver.kind === 'poll' && driver.bus === 'i2c'
      ? {
          ...driver,
          open: (context: Context) => driver.open({ ...context, wait: (ms, signal) => context.wait(0.5 * ms, signal) }),
        }
      : undefined,
  'no checksum is checked': (driver) =>
    driver.kind === 'poll' && driver.bus === 'i2c' && /\bcrc8\b/.test(driver.open.toString())
      ? {
          ...driver,
          // What was computed over two or six bytes of a reply is what follows them, whatever that is.
          open: (context: Context) => driver.open({ ...context, crc8: (bytes) => following(bytes) }),
        }
      : undefined,
  'wrong level: the line upside down': watched(({ device, ...rest }) => ({
    ...rest,
    device: {
      title: device.title,
      get lostEdges() {
        return device.lostEdges;
      },
      read: async () => ((await device.read()) === 1 ? 0 : 1),
      async *edges(signal) {
        for await (const { level, monoMs } of device.edges(signal)) yield { level: level === 1 ? 0 : 1, monoMs };
      },
      close: () => device.close(),
    },
  })),
  'wait too short: no debounce': (driver) =>
    'debounce' in driver.options
      ? watched(({ options, ...rest }) => ({ ...rest, options: { ...options, debounce: 0 } }))(driver)
      : undefined,
  'lost edges go unnoticed': (driver) =>
    driver.kind === 'counter'
      ? watched(({ device, ...rest }) => ({
          ...rest,
          device: {
            title: device.title,
            lostEdges: 0,
            read: () => device.read(),
            edges: (signal) => device.edges(signal),
            close: () => device.close(),
          },
        }))(driver)
      : undefined,
  'a counter that goes on over its windows': (driver) =>
    driver.kind === 'counter'
      ? {
          ...driver,
          async open(context: never) {
            const sensor = await driver.open(context);
            let sum = 0;
            return {
              run: (signal) => sensor.run(signal),
              take(windowMs) {
                const values = sensor.take(windowMs);
                sum += values.count ?? 0;
                return { ...values, count: sum };
              },
              close: () => sensor.close(),
            };
          },
        }
      : undefined,
};

/** The byte behind a part of a buffer. */
const following = (bytes: Uint8Array): number => new Uint8Array(bytes.buffer)[bytes.byteOffset + bytes.length] ?? 0;
