/**
 * A simulated I2C bus: real driver code talks to simulated chips through it, transfer by transfer, as on the wire.
 * Keeps the contract of i2c.ts: one operation at a time, a NACK is `bus.nack`, an absent address is a NACK. Chips that
 * share an address (behind a multiplexer with two channels on) all hear a write, and a read is what the wire would carry:
 * a line is low when anyone pulls it low. Not modelled: a chip beside the multiplexer would answer too; here it keeps
 * silent, so that each configured sensor finds its chip.
 */
import { SedgeError } from '../errors.ts';
import { hexAddress, type I2cBus, type I2cTransfer } from './i2c.ts';
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
  /** Completed and failed transfers, oldest first, as `0x44 w 94 r 6666`: for golden transcripts. At most the last `transcriptLength`. */
  readonly transcript: readonly string[];
}

export interface SimulatedI2cOptions {
  readonly title?: string;
  readonly clockHz?: number;
  readonly intercept?: Intercept;
  /** How many transfers the transcript keeps; 0 for a bus that runs for months. 10,000 unless set. */
  readonly transcriptLength?: number;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function simulatedI2cBus({
  title = 'simulated I2C bus',
  clockHz = 400_000,
  intercept,
  transcriptLength = 10_000,
}: SimulatedI2cOptions = {}): SimulatedI2cBus {
  const chips = new Map<number, SimulatedChip>();
  /** Those that connect further chips. */
  let switches: readonly SimulatedChip[] = [];
  const transcript: string[] = [];
  let last: Promise<unknown> = Promise.resolve();

  const nack = (address: number) =>
    new SedgeError('bus.nack', `nothing acknowledges at ${hexAddress(address)} on ${title}: check wiring and address`);
  const findSwitches = () => {
    switches = [...chips.values()].filter((chip) => chip.behind);
  };
  const listeners = (address: number): SimulatedChip[] => {
    const reached = switches.flatMap((chip) => chip.behind?.(address) ?? []);
    const beside = chips.get(address);
    return beside && reached.length === 0 ? [beside] : reached;
  };
  const exchange = async (address: number, tx: Uint8Array, rxLength: number): Promise<Uint8Array> => {
    if (tx.length > 0 || rxLength === 0) {
      const acknowledged = listeners(address).map((chip) => chip.write(tx));
      if (!acknowledged.includes(true)) throw nack(address);
    }
    if (rxLength === 0) return new Uint8Array(0);
    const replies = listeners(address).flatMap((chip) => chip.read(rxLength) ?? []);
    if (replies.length === 0) throw nack(address);
    // A released data line reads as ones.
    return Uint8Array.from({ length: rxLength }, (_, at) =>
      replies.reduce((wire, reply) => wire & (reply[at] ?? 0xff), 0xff),
    );
  };
  const intercepted: I2cTransfer = intercept
    ? (address, tx, rxLength) => intercept(address, tx, rxLength, () => exchange(address, tx, rxLength))
    : exchange;
  const written: I2cTransfer = async (address, tx, rxLength) => {
    const line = `${hexAddress(address)}${tx.length > 0 ? ` w ${hex(tx)}` : ''}`;
    if (transcript.length >= transcriptLength) transcript.shift();
    try {
      const reply = await intercepted(address, tx, rxLength);
      transcript.push(rxLength > 0 ? `${line} r ${hex(reply)}` : line);
      return reply;
    } catch (error) {
      transcript.push(`${line}${rxLength > 0 ? ' r' : ''} failed`);
      throw error;
    }
  };
  const transfer = transcriptLength > 0 ? written : intercepted;
  const exclusive = <T>(work: (transfer: I2cTransfer) => Promise<T>): Promise<T> => {
    const run = () => work(transfer);
    const result = last.then(run, run);
    last = result.catch(() => {});
    return result;
  };

  return {
    title,
    clockHz,
    transcript,
    attach(address, chip) {
      chips.set(address, chip);
      findSwitches();
    },
    detach(address) {
      chips.delete(address);
      findSwitches();
    },
    transfer: (address, tx, rxLength) => exclusive((held) => held(address, tx, rxLength)),
    exclusive,
    async close() {},
  };
}
