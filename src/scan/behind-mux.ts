/**
 * What is behind the channels of a multiplexer. Only where somebody says that it is one, in the configuration or with
 * `--mux`: at the same addresses are displays, LED drivers and sensors, to which selecting a channel would be a command.
 *
 * Addresses that answer beside it would answer on each channel too: they are left out. It is left as it was found.
 */
import { hexAddress, type I2cBus } from '../bus/i2c.ts';
import type { Clock } from '../clock.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { DriverTable } from './chips.ts';
import { type Found, scanBus } from './i2c.ts';

/** Of a TCA9548A; a TCA9546A has the first four and answers for the others with nothing behind them. */
const CHANNELS = 8;
/** Addresses that these multiplexers can have. */
export const FIRST_MUX = 0x70;
export const LAST_MUX = 0x77;
const NOTHING = new Uint8Array(0);

export interface ChannelScan {
  readonly channel: number;
  readonly found: readonly Found[];
}
export interface MuxScan {
  readonly address: number;
  readonly channels: readonly ChannelScan[];
  /** Why it could not be looked at, or not to its end. */
  readonly error?: { readonly code: string; readonly message: string };
}

export interface BehindMuxOptions {
  readonly drivers: DriverTable;
  readonly clock: Clock;
  /** What answered on the bus itself. */
  readonly beside: readonly Found[];
  /** The bus behind one channel. */
  view(channel: number): I2cBus;
}

export async function scanBehindMux(bus: I2cBus, address: number, options: BehindMuxOptions): Promise<MuxScan> {
  const { drivers, clock, beside, view } = options;
  const channels: ChannelScan[] = [];
  const failed = (code: string, message: string): MuxScan => ({ address, channels, error: { code, message } });
  const at = `${hexAddress(address)} on ${bus.title}`;
  const sensor = beside.find((one) => one.address === address);
  if (!sensor) return failed('bus.nack', `no multiplexer answers at ${at}: check wiring and address`);
  if (sensor.state !== 'found') {
    return failed(
      'bus.busy',
      `the multiplexer at ${at} is in use, so nothing was looked for behind it: stop its user first`,
    );
  }

  const registerOf = async () => (await bus.transfer(address, NOTHING, 1))[0]!;
  const set = (mask: number) => bus.transfer(address, Uint8Array.of(mask), 0);
  let before: number | undefined;
  try {
    before = await registerOf();
    await set(1);
    const isOne = (await registerOf()) === 1;
    await set(0);
    if (!isOne || (await registerOf()) !== 0) {
      return failed(
        'sensor.identity',
        `what answers at ${at} does not keep a channel as a TCA9548A does: leave --mux out`,
      );
    }
    // Those of other multiplexers of the bus answer on all channels as well.
    const inUse = new Map(beside.map((one) => [one.address, 'beside the multiplexer'] as const));
    for (let channel = 0; channel < CHANNELS; channel++) {
      const { found, error } = await scanBus(channel, view(channel), { drivers, clock, bound: [], inUse });
      channels.push({ channel, found: found.filter(({ state }) => state === 'found') });
      if (error) return failed(error.code, `channel ${channel} of the multiplexer at ${at}: ${error.message}`);
    }
    return { address, channels };
  } catch (error) {
    return failed(codeOf(error) ?? 'bus.io', messageOf(error));
  } finally {
    if (before !== undefined) await set(before).catch(() => {});
  }
}
