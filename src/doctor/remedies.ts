/** What to do about a sensor that does not open, where more can be known than its driver knows. Reads only. */
import { drivers } from '../../drivers/index.ts';
import type { GpioPlace } from '../bus/gpio.ts';
import { chipOf } from '../bus/gpio-chips.ts';
import { hexAddress, i2cDevice } from '../bus/i2c.ts';
import type { Place, SensorConfig } from '../config/types.ts';
import { messageOf } from '../errors.ts';
import { driverFor } from '../scan/chips.ts';
import { gpioChips, oneWireThermometers } from '../scan/sysfs.ts';
import type { System } from '../system.ts';
import { gpioTrouble } from './gpio.ts';
import { type DoctorContext, type Finding, halves } from './types.ts';

export type I2cPlace = Extract<Place, { bus: 'i2c' }>;
type GpioPlaced = Extract<Place, { bus: 'gpio' }>;
export const placeText = ({ on, address, mux }: I2cPlace): string =>
  `${hexAddress(address)} on bus ${on}${mux ? `, channel ${mux.channel} of ${hexAddress(mux.address)}` : ''}`;

const NOTHING = new Uint8Array(0);
/** "a BME280", "an ADXL345": by the sound of the first letter's name. */
const withArticle = (chip: string): string => `${/^[AEFHILMNORSX]/.test(chip) ? 'an' : 'a'} ${chip}`;

/** A better sentence, and a more exact remedy. */
export type Remedy = Partial<Pick<Finding, 'message' | 'fix'>>;

export async function remedyFor(
  code: string,
  error: unknown,
  sensor: SensorConfig,
  context: DoctorContext,
): Promise<Remedy> {
  const { place } = sensor;
  const special =
    place.bus === 'i2c'
      ? await onI2c(code, error, sensor, place, context)
      : place.bus === 'gpio'
        ? await onGpio(code, error, sensor, place, context)
        : await inFiles(code, sensor, context);
  if (special) return special;
  const { what, remedy } = halves(messageOf(error));
  return remedy === undefined ? {} : { message: what, fix: remedy };
}

async function onI2c(
  code: string,
  error: unknown,
  sensor: SensorConfig,
  place: I2cPlace,
  context: DoctorContext,
): Promise<Remedy | undefined> {
  const config = context.configuration.file;
  if (code === 'bus.nack') {
    const message = `nothing acknowledges at ${placeText(place)}`;
    const other = await elsewhere(sensor, place, context);
    if (!other)
      return {
        message,
        fix: `check that VCC, GND, SDA and SCL of ${sensor.id} are connected, then sedge scan --bus ${place.on}`,
      };
    const address = hexAddress(other.address);
    return {
      message: `${message}, but ${other.what} answers at ${address}`,
      fix: `set address: ${address} for ${sensor.id} in ${config}`,
    };
  }
  if (code !== 'sensor.identity') return undefined;
  const device = i2cDevice(context.buses.i2c(place.on, place.mux), place.address);
  const chip = await sensor.driver.identify?.(device).catch(() => undefined);
  const better = chip === undefined ? undefined : driverFor(chip, drivers);
  if (better === undefined || better === sensor.driver.id) return undefined;
  return { message: messageOf(error), fix: `set driver: ${better} for ${sensor.id} in ${config}` };
}

async function onGpio(
  code: string,
  error: unknown,
  { id }: SensorConfig,
  { place }: GpioPlaced,
  context: DoctorContext,
): Promise<Remedy | undefined> {
  // Why no line can be reached is said by the check of GPIO.
  const trouble = await gpioTrouble(context);
  if (trouble?.fix !== undefined) return { message: halves(messageOf(error)).what, fix: trouble.fix };
  if (code !== 'bus.busy') return undefined;
  const user = await userOf(place, context.system);
  if (user === undefined) return undefined;
  return {
    message: `line ${place.line} is used by ${user}`,
    fix: `end ${user}, or wire ${id} to another line and set line: to it in ${context.configuration.file}`,
  };
}

/** Who holds a line, as the gpiod tools say. */
async function userOf(place: GpioPlace, system: System): Promise<string | undefined> {
  const chips = (await gpioChips(system)).map((chip) => ({ ...chip, label: chip.label ?? '', lines: chip.lines ?? 0 }));
  try {
    return chipOf(chips, place).uses.find(({ line, name }) => line === place.line || name === place.line)?.user;
  } catch {
    return undefined;
  }
}

async function inFiles(code: string, { id, driver }: SensorConfig, { system, configuration }: DoctorContext) {
  if (driver.id !== 'ds18b20' || (code !== 'bus.missing' && code !== 'sensor.identity')) return undefined;
  const [found] = await oneWireThermometers(system.files);
  return {
    fix:
      found === undefined
        ? `connect the data wire of ${id} to the pin of dtoverlay=w1-gpio (GPIO4), with 4.7 kOhm to 3.3 V`
        : `set address: ${found.device} for ${id} in ${configuration.file}`,
  };
}

/** The chip at another address that it can have and that no other sensor claims. */
async function elsewhere(
  { driver }: SensorConfig,
  { on, mux, address: tried }: I2cPlace,
  { buses, configuration }: DoctorContext,
): Promise<{ readonly address: number; readonly what: string } | undefined> {
  const bus = buses.i2c(on, mux);
  const claimed = (configuration.config?.sensors ?? []).flatMap(({ place }) =>
    place.bus === 'i2c' && place.on === on ? [place.address, ...(place.mux ? [place.mux.address] : [])] : [],
  );
  for (const address of driver.addresses ?? []) {
    if (address === tried || claimed.includes(address)) continue;
    try {
      await bus.transfer(address, NOTHING, 0);
      if (driver.identify === undefined) return { address, what: 'something' };
      const chip = await driver.identify(i2cDevice(bus, address));
      if (chip !== undefined) return { address, what: withArticle(chip) };
    } catch {
      // Nobody there, or not that chip.
    }
  }
  return undefined;
}
