/**
 * The check of the configured sensors: each is opened once, as `run` would, and closed again. Buses side by side, the
 * sensors of one bus one after another. While the service runs nothing is touched: opening resets a chip, and a line has
 * one user.
 */

import { drivers } from '../../drivers/index.ts';
import { hexAddress, type I2cBus, i2cDevice } from '../bus/i2c.ts';
import type { Place, SensorConfig } from '../config/types.ts';
import { codeOf, messageOf } from '../errors.ts';
import { withinDeadline } from '../sampler/deadline.ts';
import { driverFor } from '../scan/chips.ts';
import { boundChips } from '../scan/sysfs.ts';
import { sampledSensor } from '../sensors.ts';
import type { System } from '../system.ts';
import { gpioTrouble } from './gpio.ts';
import { busesOf, missingBus } from './i2c.ts';
import { type Check, type DoctorContext, type Finding, fault, halves, ok } from './types.ts';

const NOTHING = new Uint8Array(0);
/** More than `run` gives: it would try again, and here udev may be asked for a line for the first time. */
const PATIENCE_MS = 5_000;
const ABSENT = { because: 'absent' } as const;
/** What the probe of a bus may say without anything being wrong with the bus. */
const BUS_IS_WELL = new Set(['bus.nack', 'bus.busy', 'bus.unsupported', 'bus.io']);

type I2cPlace = Extract<Place, { bus: 'i2c' }>;
const at = ({ on, address, mux }: I2cPlace): string =>
  `${hexAddress(address)} on bus ${on}${mux ? `, channel ${mux.channel} of ${hexAddress(mux.address)}` : ''}`;

export const sensorsCheck: Check = {
  id: 'sensors',
  async run(context) {
    const sensors = context.configuration.config?.sensors ?? [];
    if (sensors.length === 0) return [];
    if (context.running)
      return [
        ok(
          `${sensors.length} not asked: another process holds the journal and reads them; to ask them here, sudo systemctl stop sedge first`,
        ),
      ];
    const on = (bus: number) => sensors.filter(({ place }) => place.bus === 'i2c' && place.on === bus);
    const others = sensors.filter(({ place }) => place.bus !== 'i2c');
    const found = await Promise.all([
      ...busesOf(context).map((bus) => onBus(bus, on(bus), context)),
      ...others.map(async (sensor) => [await open(sensor, context)]),
    ]);
    return found.flat();
  },
};

async function onBus(
  on: number,
  sensors: readonly SensorConfig[],
  context: DoctorContext,
): Promise<readonly Finding[]> {
  const { system, buses } = context;
  // Said by the check of the kernel.
  const held = new Set((await boundChips(on, system.files)).map(({ address }) => address));
  const free = sensors.filter(
    ({ place }) => place.bus === 'i2c' && (place.mux !== undefined || !held.has(place.address)),
  );
  const [first] = free;
  if (first === undefined) return [];
  const { mux, address } = first.place as I2cPlace;
  const trouble = await busTrouble(on, buses.i2c(on), mux?.address ?? address, system);
  if (trouble) return [trouble];
  const found: Finding[] = [];
  for (const sensor of free) found.push(await open(sensor, context));
  return found;
}

/** A bare address tells whether transfers end at all, before each sensor waits for its own. */
async function busTrouble(on: number, bus: I2cBus, address: number, system: System): Promise<Finding | undefined> {
  try {
    await bus.transfer(address, NOTHING, 0);
    return undefined;
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (BUS_IS_WELL.has(code)) return undefined;
    const { what, remedy } = halves(messageOf(error));
    if (code === 'bus.timeout')
      return fault(`bus ${on} is stuck: ${what}`, {
        ...ABSENT,
        fix: 'cut the power of its chips for 10 s; if it comes back, unplug them one by one and check SDA, SCL and their pull-ups (2.2 to 10 kOhm to 3.3 V)',
      });
    const fix = code === 'bus.missing' ? (await missingBus(on, system)).fix : remedy;
    return fault(`the sensors of bus ${on} cannot be asked: ${what}`, { ...ABSENT, ...(fix !== undefined && { fix }) });
  }
}

async function open(sensor: SensorConfig, context: DoctorContext): Promise<Finding> {
  const { buses, clock, signal } = context;
  const about = sensor.id;
  const stop = new AbortController();
  const abort = () => stop.abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    const sampled = sampledSensor(sensor, buses, clock);
    const opened = await withinDeadline(clock, sampled.deadlineMs + PATIENCE_MS, 'opening', sampled.open, stop);
    await opened.close().catch(() => {});
    const place = sensor.place.bus === 'i2c' ? ` at ${at(sensor.place)}` : '';
    return ok(`${sensor.driverName} opens${place}`, { about });
  } catch (error) {
    const code = codeOf(error) ?? 'sensor.failed';
    const because = code.startsWith('bus.') || code === 'sensor.identity' ? ABSENT : {};
    const fix = sensor.place.bus === 'i2c' ? `sedge scan --bus ${sensor.place.on}` : `sedge read ${about}`;
    return { ...fault(messageOf(error), { about, fix, ...because }), ...(await remedy(code, error, sensor, context)) };
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** A better sentence or a more exact remedy, where more can be known than the driver knows. */
async function remedy(
  code: string,
  error: unknown,
  sensor: SensorConfig,
  context: DoctorContext,
): Promise<{ readonly message?: string; readonly fix?: string }> {
  const { place } = sensor;
  const { what, remedy: general } = halves(messageOf(error));
  const config = context.configuration.file;
  if (place.bus === 'i2c' && code === 'bus.nack') {
    const other = await elsewhere(sensor, place, context);
    if (other)
      return {
        message: `nothing acknowledges at ${at(place)}, but ${other.what} answers at ${hexAddress(other.address)}`,
        fix: `set address: ${hexAddress(other.address)} for ${sensor.id} in ${config}`,
      };
    return {
      message: `nothing acknowledges at ${at(place)}`,
      fix: `check that VCC, GND, SDA and SCL of ${sensor.id} are connected, then sedge scan --bus ${place.on}`,
    };
  }
  if (place.bus === 'i2c' && code === 'sensor.identity') {
    const device = i2cDevice(context.buses.i2c(place.on, place.mux), place.address);
    const chip = await sensor.driver.identify?.(device).catch(() => undefined);
    const better = chip === undefined ? undefined : driverFor(chip, drivers);
    if (better !== undefined && better !== sensor.driver.id)
      return { message: messageOf(error), fix: `set driver: ${better} for ${sensor.id} in ${config}` };
  }
  // Why no line can be reached is said by the check of GPIO.
  const trouble = place.bus === 'gpio' ? await gpioTrouble(context) : undefined;
  if (trouble?.fix !== undefined) return { message: what, fix: trouble.fix };
  return general === undefined ? {} : { message: what, fix: general };
}

/** The chip at another address that it can have and that no other sensor claims. Reads only. */
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
      const chip = await driver.identify?.(i2cDevice(bus, address));
      if (driver.identify === undefined) return { address, what: 'something' };
      if (chip !== undefined) return { address, what: `a ${chip}` };
    } catch {
      // Nobody there, or not that chip.
    }
  }
  return undefined;
}
