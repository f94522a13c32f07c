/** Reads of real drivers on simulated chips, as fast as one core does them. */
import { drivers } from '../../drivers/index.ts';
import { simulations } from '../../drivers/sim.ts';
import { environment } from '../../src/bus/environment.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { simulatedI2cBus } from '../../src/bus/simulated-i2c.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type PollDriver, type PolledSensor } from '../../src/driver.ts';
import { optionsOf } from '../../test/rig.ts';
import { round } from '../process-stat.ts';

/** Command chips and register chips, short and long reads. */
const NAMES = ['tmp117', 'mcp9808', 'sht4x', 'bh1750', 'bme280', 'adxl345', 'ina219'];
const WARM_UP_READS = 2_000;
const READS_AT_ONCE = 100;

/** Of this process: what else runs on the machine is not in the figure. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

export async function measureRegisters(forMs: number) {
  const clock = virtualClock({ automatic: true });
  const { world } = environment({ seed: 1, speed: 1, clock });
  const each: Record<string, number> = {};
  let [allReads, allTransfers, allMs] = [0, 0, 0];
  for (const name of NAMES) {
    const driver = drivers[name] as PollDriver<'i2c'>;
    const simulation = simulations[name];
    if (simulation?.bus !== 'i2c') throw new Error(`${name} has no simulation on I2C`);
    let transfers = 0;
    const bus = simulatedI2cBus({
      intercept: (_address, _tx, _rxLength, pass) => {
        transfers += 1;
        return pass();
      },
    });
    const address = driver.addresses![0]!;
    bus.attach(address, simulation.create(world(name)));
    const sensor: PolledSensor = await driver.open(
      driverContext<'i2c'>(i2cDevice(bus, address), clock, optionsOf(driver)),
    );
    const { signal } = new AbortController();
    for (let nth = 0; nth < WARM_UP_READS; nth++) await sensor.read(signal);
    transfers = 0;
    const beganMs = cpuMs();
    let reads = 0;
    for (; cpuMs() - beganMs < forMs / NAMES.length; reads += READS_AT_ONCE) {
      for (let nth = 0; nth < READS_AT_ONCE; nth++) await sensor.read(signal);
    }
    const tookMs = cpuMs() - beganMs;
    each[name] = Math.round((reads * 1_000) / tookMs);
    allReads += reads;
    allTransfers += transfers;
    allMs += tookMs;
  }
  return {
    reads_per_s: Math.round((allReads * 1_000) / allMs),
    transfers_per_s: Math.round((allTransfers * 1_000) / allMs),
    us_per_read: round((allMs * 1_000) / allReads),
    by_driver: each,
  };
}
