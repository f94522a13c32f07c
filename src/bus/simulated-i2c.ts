/**
 * A simulated I2C bus: real driver code talks to simulated chips through it, transfer by transfer, as on the wire.
 * Keeps the contract of i2c.ts: one operation at a time, a NACK is `bus.nack`, an absent address is a NACK.
 */
import { SedgeError } from '../errors.ts';
import type { I2cBus } from './i2c.ts';
import type { SimulatedChip } from './sim.ts';

/** Stands between driver and chip: passes on, delays, damages or refuses. */
export type Intercept = (
  address: number,
  tx: Uint8Array,
  rxLength: number,
  pass: () => Promise<Uint8Array>,
) => Promise<Uint8Array>;

export interface SimulatedI2cBus extends I2cBus {
  attach(address: number, chip: SimulatedChip): void;
  /** Unplugs what is at an address. */
  detach(address: number): void;
  /** Completed and failed transfers, oldest first, as `0x44 w 94 r 6666`: for golden transcripts. At most the last 10,000. */
  readonly transcript: readonly string[];
}

export interface SimulatedI2cOptions {
  readonly title?: string;
  readonly clockHz?: number;
  readonly intercept?: Intercept;
}

const MAX_TRANSCRIPT = 10_000;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const hexAddress = (address: number): string => `0x${address.toString(16).padStart(2, '0')}`;

export function simulatedI2cBus({
  title = 'simulated I2C bus',
  clockHz = 400_000,
  intercept = (_address, _tx, _rxLength, pass) => pass(),
}: SimulatedI2cOptions = {}): SimulatedI2cBus {
  const chips = new Map<number, SimulatedChip>();
  const transcript: string[] = [];
  let last: Promise<unknown> = Promise.resolve();

  const nack = (address: number) =>
    new SedgeError('bus.nack', `nothing acknowledges at ${hexAddress(address)} on ${title}: check wiring and address`);
  const exchange = async (address: number, tx: Uint8Array, rxLength: number): Promise<Uint8Array> => {
    const chip = chips.get(address);
    if (!chip) throw nack(address);
    if (tx.length > 0 && !chip.write(tx)) throw nack(address);
    if (rxLength === 0) {
      if (tx.length === 0 && !chip.write(tx)) throw nack(address);
      return new Uint8Array(0);
    }
    const reply = chip.read(rxLength);
    if (!reply) throw nack(address);
    // A released data line reads as ones.
    return Uint8Array.from({ length: rxLength }, (_, at) => reply[at] ?? 0xff);
  };

  return {
    title,
    clockHz,
    transcript,
    attach: (address, chip) => void chips.set(address, chip),
    detach: (address) => void chips.delete(address),
    transfer(address, tx, rxLength) {
      const run = async () => {
        const line = `${hexAddress(address)}${tx.length > 0 ? ` w ${hex(tx)}` : ''}`;
        if (transcript.length >= MAX_TRANSCRIPT) transcript.shift();
        try {
          const reply = await intercept(address, tx, rxLength, () => exchange(address, tx, rxLength));
          transcript.push(rxLength > 0 ? `${line} r ${hex(reply)}` : line);
          return reply;
        } catch (error) {
          transcript.push(`${line}${rxLength > 0 ? ' r' : ''} failed`);
          throw error;
        }
      };
      const result = last.then(run, run);
      last = result.catch(() => {});
      return result;
    },
    async close() {},
  };
}
