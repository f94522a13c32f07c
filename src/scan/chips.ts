/** What a chip's name, as `identify` says it, means for the table of drivers. */
import type { AnyDriver } from '../driver.ts';

export type DriverTable = Readonly<Record<string, AnyDriver>>;

/** `sht4x` covers SHT40 to SHT49; an x elsewhere is one too (`hdc10x0`). */
const covers = (id: string, chip: string): boolean =>
  new RegExp(`^${id.replaceAll('x', '[0-9a-z]')}[a-z]*$`).test(chip);

const wordsOf = (text: string): readonly string[] => text.toLowerCase().split(/[^a-z0-9]+/);

/** The driver for a chip by its name: "BMP280", "SHT45", "LIS3DH or LIS2DH12"; undefined if there is none. */
export function driverFor(chip: string, drivers: DriverTable): string | undefined {
  const ids = Object.keys(drivers);
  // "MPU-6050" as a whole, then what a name with "or" is made of.
  const names = [wordsOf(chip).join(''), ...wordsOf(chip)].filter((name) => /\d/.test(name));
  const first = (find: (name: string) => string | undefined) => names.map(find).find((id) => id !== undefined);
  return (
    first((name) => ids.find((id) => id === name)) ??
    first((name) => ids.find((id) => covers(id, name))) ??
    // One driver for several chips names them in its title: "Bosch BMP388 or BMP390".
    first((name) => ids.find((id) => drivers[id]?.bus === 'i2c' && wordsOf(drivers[id].title).includes(name)))
  );
}

/** I2C drivers for chips that can have this address. */
export const driversAt = (address: number, drivers: DriverTable): readonly AnyDriver[] =>
  Object.values(drivers).filter(({ bus, addresses }) => bus === 'i2c' && (addresses?.includes(address) ?? false));
