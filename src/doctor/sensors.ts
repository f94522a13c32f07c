/**
 * The check of the configured sensors: each is opened once, as `run` would, and closed again. Buses side by side, the
 * sensors of one bus one after another. While the service runs nothing is touched, since opening resets a chip and a line
 * has one user: then it is what the service says of them.
 */
import type { SensorConfig } from '../config/types.ts';
import { codeOf, messageOf } from '../errors.ts';
import { withinDeadline } from '../sampler/deadline.ts';
import { boundChips } from '../scan/sysfs.ts';
import { sampledSensor } from '../sensors.ts';
import type { SensorReport } from '../status/report.ts';
import { groupFix } from './access.ts';
import { busesOf, missingBus } from './i2c.ts';
import { kernelLack } from './kernel.ts';
import { type I2cPlace, placeText, remedyFor } from './remedies.ts';
import { type Check, type DoctorContext, type Finding, fault, halves, ok } from './types.ts';

const NOTHING = new Uint8Array(0);
/** More than `run` gives: it would try again, and here udev may be asked for a line for the first time. */
const PATIENCE_MS = 5_000;
/** Addresses at which a transfer must not end for a bus to be stuck, and not one chip. */
const STUCK_ADDRESSES = 2;
const ABSENT = { because: 'absent' } as const;
/** What the probe of a bus may say without anything being wrong with the bus. */
const BUS_IS_WELL = new Set(['bus.nack', 'bus.busy', 'bus.unsupported', 'bus.io']);

const isAbsent = (code: string) => (code.startsWith('bus.') || code === 'sensor.identity' ? ABSENT : {});

export const sensorsCheck: Check = {
  id: 'sensors',
  async run(context) {
    const sensors = context.configuration.config?.sensors ?? [];
    if (sensors.length === 0) return [];
    if (context.running) return whileRunning(sensors, context);
    const on = (bus: number) => sensors.filter(({ place }) => place.bus === 'i2c' && place.on === bus);
    const others = sensors.filter(({ place }) => place.bus !== 'i2c');
    const found = await Promise.all([
      ...busesOf(context).map((bus) => onBus(bus, on(bus), context)),
      ...others.map(async (sensor) =>
        (await kernelLack(sensor, context.system)) ? [] : [await open(sensor, context)],
      ),
    ]);
    return found.flat();
  },
};

function whileRunning(sensors: readonly SensorConfig[], { service }: DoctorContext): readonly Finding[] {
  if (!service) {
    const why = 'another process holds the journal and reads them; to ask them here, sudo systemctl stop sedge first';
    return [ok(`${sensors.length} not asked: ${why}`)];
  }
  return sensors.map(({ id }) => {
    const report: SensorReport | undefined = service.sensors[id];
    if (!report)
      return fault('the running service does not know it', { about: id, fix: 'sudo systemctl reload sedge' });
    const { state, age_s: ageS, error = 'sensor.failed', message = error } = report;
    if (state !== 'offline') {
      const read = ageS === null ? 'no reading yet' : `read ${Math.round(ageS)} s ago`;
      return ok(`${state} in the running service, ${read}`, { about: id });
    }
    const { what, remedy } = halves(message);
    const fix = remedy ?? 'journalctl -u sedge -n 30';
    return fault(`offline in the running service: ${what}`, { about: id, fix, ...isAbsent(error) });
  });
}

async function onBus(
  on: number,
  sensors: readonly SensorConfig[],
  context: DoctorContext,
): Promise<readonly Finding[]> {
  // Said by the check of the kernel.
  const held = new Set((await boundChips(on, context.system.files)).map(({ address }) => address));
  const free = sensors.filter(
    ({ place }) => place.bus === 'i2c' && (place.mux !== undefined || !held.has(place.address)),
  );
  const addresses = free.map(({ place }) => (place as I2cPlace).mux?.address ?? (place as I2cPlace).address);
  const trouble = await busTrouble(on, [...new Set(addresses)], context);
  if (trouble) return [trouble];
  const found: Finding[] = [];
  for (const sensor of free) found.push(await open(sensor, context));
  return found;
}

/** A bare address tells whether transfers end at all, before each sensor waits for its own. */
async function busTrouble(
  on: number,
  addresses: readonly number[],
  { system, subject, buses }: DoctorContext,
): Promise<Finding | undefined> {
  let late: string | undefined;
  for (const address of addresses.slice(0, STUCK_ADDRESSES)) {
    try {
      await buses.i2c(on).transfer(address, NOTHING, 0);
      return undefined;
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (BUS_IS_WELL.has(code)) return undefined;
      const { what, remedy } = halves(messageOf(error));
      late ??= what;
      if (code === 'bus.timeout') continue;
      const node = await system.files.facts(`/dev/i2c-${on}`);
      const fix =
        code === 'bus.missing'
          ? (await missingBus(on, system)).fix
          : code === 'bus.permission' && node
            ? await groupFix(system.files, subject, node, 'i2c')
            : remedy;
      return fault(`the sensors of bus ${on} cannot be asked: ${what}`, {
        ...ABSENT,
        ...(fix !== undefined && { fix }),
      });
    }
  }
  if (late === undefined) return undefined;
  return fault(`bus ${on} is stuck: ${late}`, {
    ...ABSENT,
    fix: 'cut the power of its chips for 10 s; if it comes back, unplug them one by one and check SDA, SCL and their pull-ups (2.2 to 10 kOhm to 3.3 V)',
  });
}

async function open(sensor: SensorConfig, context: DoctorContext): Promise<Finding> {
  const { buses, clock, signal } = context;
  const { id: about, place, driverName } = sensor;
  const stop = new AbortController();
  const abort = () => stop.abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    const sampled = sampledSensor(sensor, buses, clock);
    const deadlineMs = sampled.deadlineMs + PATIENCE_MS;
    const opened = await withinDeadline(clock, deadlineMs, 'opening', sampled.open, stop);
    await opened.close().catch(() => {});
    return ok(`${driverName} opens${place.bus === 'i2c' ? ` at ${placeText(place)}` : ''}`, { about });
  } catch (error) {
    const code = codeOf(error) ?? 'sensor.failed';
    const fix = place.bus === 'i2c' ? `sedge scan --bus ${place.on}` : `sedge read ${about}`;
    const general = fault(messageOf(error), { about, fix, ...isAbsent(code) });
    return { ...general, ...(await remedyFor(code, error, sensor, context)) };
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
