/** What a chip's name, as `identify` says it, means for the table of drivers. */
import type { AnyDriver } from '../driver.ts';

export type DriverTable = Readonly<Record<string, AnyDriver>>;

/** `sht4x` covers SHT40 to SHT49; an x elsewhere is one too (`hdc10x0`). */
const covers = (id: string, chip: string): boolean =>
  new RegExp(`^${id.replaceAll('x', '[0-9a-z]')}[a-z]*$`).test(chip);

/** The driver for a chip by its name: "BMP280", "SHT45"; undefined if there is none. */
export function driverFor(chip: string, drivers: DriverTable): string | undefined {
  const name = chip.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return (
    Object.keys(drivers).find((id) => id === name) ??
    Object.keys(drivers).find((id) => covers(id, name)) ??
    // One driver for several chips names them in its title: "Bosch BMP388 or BMP390".
    Object.values(drivers).find(
      ({ bus, title }) =>
        bus === 'i2c' &&
        title
          .toLowerCase()
          .split(/[^a-z0-9]+/)
          .includes(name),
    )?.id
  );
}

/** I2C drivers for chips that can have this address. */
export const driversAt = (address: number, drivers: DriverTable): readonly AnyDriver[] =>
  Object.values(drivers).filter(({ bus, addresses }) => bus === 'i2c' && (addresses?.includes(address) ?? false));
