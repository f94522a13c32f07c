import { describe, expect, it } from 'vitest';
import { drivers } from '../../drivers/index.ts';
import { simulations } from '../../drivers/sim.ts';

describe('the tables of drivers and simulations', () => {
  it.each(Object.entries(drivers))('%s is known by its own id', (name, driver) => {
    expect(driver.id).toBe(name);
  });

  it.each(Object.values(drivers).filter(({ id }) => id !== 'host' && id !== 'mock'))(
    '$id has a simulation on its kind of bus',
    ({ id, bus }) => {
      expect(simulations[id]?.bus).toBe(bus);
    },
  );

  it('simulates nothing that has no driver', () => {
    expect(Object.keys(simulations).filter((name) => !drivers[name])).toEqual([]);
  });
});
