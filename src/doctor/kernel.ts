/**
 * The check of what kernel and firmware do on the same wires: kernel drivers bound to configured addresses, overlays that
 * a sensor needs, and pins that have another job.
 */
import { hexAddress } from '../bus/i2c.ts';
import type { SensorConfig } from '../config/types.ts';
import { type BoundChip, boundChips } from '../scan/sysfs.ts';
import type { System } from '../system.ts';
import { addLine, type Board, boardOf, isOn } from './board.ts';
import { busesOf } from './i2c.ts';
import { type Check, type Finding, fault, ok, warning } from './types.ts';

/** dtoverlay=w1-gpio without gpiopin=. */
const W1_PIN = 4;
/** SDA and SCL of bus 1 on the 40-pin header. */
const I2C_PINS = [2, 3];

/** How a kernel driver lets go: now, and after the next start. */
export function unbindFix(on: number, { address, driver, name }: BoundChip, board: Board): string {
  const device = `${on}-${address.toString(16).padStart(4, '0')}`;
  const overlay = board.overlays.find((line) => line.split(',').includes(name) || line.split(',').includes(driver));
  const now = `echo ${device} | sudo tee /sys/bus/i2c/drivers/${driver}/unbind`;
  return overlay === undefined || board.configFile === undefined
    ? now
    : `${now}   and remove the line dtoverlay=${overlay} from ${board.configFile}`;
}

async function boundFindings(on: number, sensors: readonly SensorConfig[], system: System, board: Board) {
  const bound = await boundChips(on, system.files);
  return bound.map((chip): Finding => {
    const holder = `the kernel driver ${chip.driver} holds ${hexAddress(chip.address)} on bus ${on}`;
    const sensor = sensors.find(
      ({ place }) => place.bus === 'i2c' && place.on === on && !place.mux && place.address === chip.address,
    );
    if (!sensor) return ok(holder);
    return fault(`${holder}, so ${sensor.id} cannot be read`, { about: sensor.id, fix: unbindFix(on, chip, board) });
  });
}

async function oneWire(sensors: readonly SensorConfig[], { files }: System, board: Board): Promise<readonly Finding[]> {
  const probe = sensors.find(({ driver }) => driver.id === 'ds18b20');
  if (!probe) return [];
  const overlay = board.overlays.find((line) => /^w1-gpio(-pullup)?(,|$)/.test(line));
  if (await files.facts('/sys/bus/w1/devices/w1_bus_master1')) return [ok('the kernel has a 1-Wire bus')];
  const fix = overlay === undefined ? addLine(board, 'dtoverlay=w1-gpio') : 'sudo reboot';
  return [
    fault(`${probe.id} needs the kernel's 1-Wire bus, which is not there`, { about: probe.id, fix, because: 'absent' }),
  ];
}

/** Lines of the board's own chip that firmware or kernel use for something else. */
function pinConflicts(sensors: readonly SensorConfig[], board: Board): readonly Finding[] {
  const w1 = board.overlays.find((line) => /^w1-gpio(-pullup)?(,|$)/.test(line));
  const w1Pin = w1 === undefined ? undefined : Number(/gpiopin=(\d+)/.exec(w1)?.[1] ?? W1_PIN);
  return sensors.flatMap(({ id, place }) => {
    if (place.bus !== 'gpio' || place.place.chip !== undefined) return [];
    const { line } = place.place;
    if (line === w1Pin)
      return [
        warning(`line ${line} is the 1-Wire bus (dtoverlay=${w1})`, {
          about: id,
          fix: `wire ${id} to another line and set line: to it`,
        }),
      ];
    if (typeof line === 'number' && I2C_PINS.includes(line) && isOn(board.param('i2c_arm')))
      return [
        warning(`line ${line} belongs to I2C bus 1`, {
          about: id,
          fix: `wire ${id} to another line and set line: to it`,
        }),
      ];
    return [];
  });
}

export const kernelCheck: Check = {
  id: 'kernel',
  async run(context) {
    const { system, configuration } = context;
    const sensors = configuration.config?.sensors ?? [];
    const board = await boardOf(system.files);
    const bound = await Promise.all(busesOf(context).map((on) => boundFindings(on, sensors, system, board)));
    const found = [...bound.flat(), ...(await oneWire(sensors, system, board)), ...pinConflicts(sensors, board)];
    if (found.length > 0) return found;
    const overlays = board.overlays.length === 0 ? '' : ` (overlays: ${board.overlays.join('; ')})`;
    return [ok(`no kernel driver is on the wires of a configured sensor${overlays}`)];
  },
};
