import { describe, expect, it } from 'vitest';
import { i2cViews } from '../../src/bus/buses.ts';
import { simulatedMux } from '../../src/bus/mux.sim.ts';
import { simulatedI2cBus } from '../../src/bus/simulated-i2c.ts';
import { virtualClock } from '../../src/clock.ts';
import { SedgeError } from '../../src/errors.ts';

const NOTHING = new Uint8Array(0);

/** Bus 1 with a chip at 0x44, beside a multiplexer at 0x70 with another one on channel 2. Each transfer takes 10 ms. */
function setUp() {
  const clock = virtualClock({ automatic: true });
  const stage: { fail?: string } = {};
  const bus = simulatedI2cBus({
    intercept: async (_address, _tx, _rxLength, pass) => {
      await clock.sleep(10);
      if (stage.fail !== undefined) throw new SedgeError(stage.fail, `${stage.fail} on purpose`);
      return pass();
    },
  });
  const chip = { write: () => true, read: (length: number) => new Uint8Array(length) };
  const mux = simulatedMux();
  bus.attach(0x44, chip);
  bus.attach(0x70, mux);
  mux.attach(2, 0x45, chip);
  const views = i2cViews(() => bus, clock);
  const beside = views.at(1);
  const behind = views.at(1, { address: 0x70, channel: 2 });
  const fails = (code?: string) => {
    if (code === undefined) delete stage.fail;
    else stage.fail = code;
  };
  const ask = (address = 0x44) => beside.transfer(address, NOTHING, 1).catch(() => {});
  return { clock, views, beside, behind, ask, fails, health: () => views.health()['i2c-1']! };
}

describe('the health of a bus', () => {
  it('is known for those that were used', async () => {
    const { views, ask } = setUp();
    await ask();
    expect(Object.keys(views.health())).toEqual(['i2c-1']);
  });

  it('counts transfers, with those that select a channel of a multiplexer', async () => {
    const { ask, behind, health } = setUp();
    await behind.transfer(0x45, NOTHING, 1);
    await ask();
    // Channel on, chip, channel off, chip.
    expect(health()).toMatchObject({ transfers: 4, errors: {} });
  });

  it('counts errors by code, and has the last one with its age', async () => {
    const { ask, fails, clock, health } = setUp();
    await ask(0x11);
    fails('bus.timeout');
    await ask();
    await ask();
    await clock.sleep(12_500);
    expect(health()).toMatchObject({
      errors: { 'bus.nack': 1, 'bus.timeout': 2 },
      last_error: { code: 'bus.timeout', message: 'bus.timeout on purpose', age_s: 12 },
    });
  });

  it('counts one error once, whoever sees it', async () => {
    const { behind, fails, health } = setUp();
    fails('bus.nack');
    await behind.transfer(0x45, NOTHING, 1).catch(() => {});
    expect(health()).toMatchObject({ transfers: 1, errors: { 'bus.nack': 1 } });
  });

  it('says what share of the last minute a transfer was on the wires', async () => {
    const { ask, clock, health } = setUp();
    for (let nth = 0; nth < 1_000; nth++) {
      // Two transfers of 10 ms: the multiplexer may have been switched meanwhile.
      await ask();
      await clock.sleep(180);
    }
    expect(health().busy).toBeCloseTo(0.1, 2);
    await clock.sleep(600_000);
    expect(health().busy).toBe(0);
  });

  it('is stuck after three time-outs with nothing else between them, until something moves', async () => {
    const { ask, fails, health } = setUp();
    fails('bus.timeout');
    await ask();
    await ask();
    expect(health()).not.toHaveProperty('stuck');
    await ask();
    expect(health().stuck).toMatch(/^I2C bus 1 is stuck: the last 3 transfers timed out.*cycle the power/);
    // Whoever is told that the bus is taken has not moved it.
    fails('bus.busy');
    await ask();
    expect(health()).toHaveProperty('stuck');
    fails();
    await ask();
    expect(health()).not.toHaveProperty('stuck');
  });

  it('is not stuck by a chip that is gone while it hangs now and then', async () => {
    const { ask, fails, health } = setUp();
    for (const code of ['bus.timeout', 'bus.timeout', 'bus.nack', 'bus.timeout', 'bus.timeout']) {
      fails(code);
      await ask();
    }
    expect(health()).not.toHaveProperty('stuck');
  });
});
