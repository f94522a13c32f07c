/**
 * I2C through a multiplexer: TCA9548A (and PCA9548A; the 4-channel PCA9546A for channels 0 to 3).
 * Datasheet: https://www.ti.com/lit/ds/symlink/tca9548a.pdf, section "Control register": one byte, bit n connects
 * channel n; all channels are off after power-on.
 *
 * - Selecting a channel and the transfer are one piece: nothing of ours comes between.
 * - On one bus at most one channel of all multiplexers is on while we talk: behind two of them, or beside them, chips may
 *   share an address, and two would answer as one.
 * - A channel that is known to be on is not selected again. Nothing counts as known after an error, nor for longer than
 *   50 ms: another program (`sedge scan` beside the service) may have switched it.
 */
import { type Clock, systemClock } from '../clock.ts';
import { codeOf } from '../errors.ts';
import { hexAddress, type I2cBus, type I2cTransfer } from './i2c.ts';

const NO_CHANNEL = 0;
const TRUSTED_MS = 50;

/** What each multiplexer on a bus was last set to; undefined is not known. Kept per bus: all its views share the switches. */
type Settings = Map<number, { readonly mask: number; readonly monoMs: number } | undefined>;
const settings = new WeakMap<I2cBus, Settings>();

function settingsOf(bus: I2cBus): Settings {
  const known: Settings = settings.get(bus) ?? new Map();
  settings.set(bus, known);
  return known;
}

interface Wish {
  /** The multiplexer that is to be set to `mask`; all others to no channel. Undefined: all. */
  readonly mux: number | undefined;
  readonly mask: number;
  readonly clock: Clock;
}

async function connect(known: Settings, transfer: I2cTransfer, { mux, mask, clock }: Wish): Promise<void> {
  const maskOf = (address: number): number | undefined => {
    const setting = known.get(address);
    return setting && clock.monotonic() - setting.monoMs <= TRUSTED_MS ? setting.mask : undefined;
  };
  const learn = (address: number, to: number) => known.set(address, { mask: to, monoMs: clock.monotonic() });
  for (const address of known.keys()) {
    if (address === mux || maskOf(address) === NO_CHANNEL) continue;
    try {
      await transfer(address, Uint8Array.of(NO_CHANNEL), 0);
    } catch (error) {
      // One that is not there connects nothing, and comes back with all channels off.
      if (codeOf(error) !== 'bus.nack') throw error;
    }
    learn(address, NO_CHANNEL);
  }
  if (mux === undefined || maskOf(mux) === mask) return;
  await transfer(mux, Uint8Array.of(mask), 0);
  learn(mux, mask);
}

function view(bus: I2cBus, title: string, wish: Wish): I2cBus {
  const known = settingsOf(bus);
  const exclusive = <T>(work: (transfer: I2cTransfer) => Promise<T>): Promise<T> =>
    known.size === 0
      ? bus.exclusive(work)
      : bus.exclusive((transfer) =>
          work(async (address, tx, rxLength) => {
            try {
              await connect(known, transfer, wish);
              return await transfer(address, tx, rxLength);
            } catch (error) {
              for (const mux of known.keys()) known.set(mux, undefined);
              throw error;
            }
          }),
        );
  return {
    title,
    get clockHz() {
      return bus.clockHz;
    },
    transfer: (address, tx, rxLength) => exclusive((transfer) => transfer(address, tx, rxLength)),
    exclusive,
    // The bus belongs to whoever opened it.
    close: async () => {},
  };
}

/** The bus as it is behind one channel of a multiplexer. `bus` may itself be such a view. */
export function muxedBus(bus: I2cBus, mux: number, channel: number, clock: Clock = systemClock): I2cBus {
  const known = settingsOf(bus);
  if (!known.has(mux)) known.set(mux, undefined);
  const title = `channel ${channel} of the multiplexer at ${hexAddress(mux)} on ${bus.title}`;
  return view(bus, title, { mux, mask: 1 << channel, clock });
}

/** The bus beside its multiplexers: with all their channels off. Costs nothing where there is none. */
export const unmuxedBus = (bus: I2cBus, clock: Clock = systemClock): I2cBus =>
  view(bus, bus.title, { mux: undefined, mask: NO_CHANNEL, clock });
