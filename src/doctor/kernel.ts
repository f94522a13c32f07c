/**
 * The check of what kernel and firmware do on the same wires: kernel drivers bound to configured addresses, overlays that
 * a sensor needs, and pins that have another job.
 */
import { hexAddress } from '../bus/i2c.ts';
import type { SensorConfig } from '../config/types.ts';
import { type BoundChip, boundChips, DHT_NAME, iioDevices } from '../scan/sysfs.ts';
import type { System, SystemFiles } from '../system.ts';
import { addLine, type Board, boardOf, isOn } from './board.ts';
import { busesOf } from './i2c.ts';
import { type Check, type Finding, fault, isBroken, ok, warning } from './types.ts';

/** Where there is no config.txt, as on a Pi, to write into. */
const ELSEWHERE = "enable it in this board's own settings (its device tree), or try it without: sedge run --simulate";

/** dtoverlay=w1-gpio without gpiopin=. */
const W1_PIN = 4;
const W1_OVERLAY = /^w1-gpio(-pullup)?(,|$)/;
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

/** What a driver needs of the kernel, and the overlay that gives it. */
interface Need {
  readonly what: string;
  readonly overlay: RegExp;
  readonly line: string;
  isThere(files: SystemFiles): Promise<boolean>;
}
const NEEDS: Readonly<Record<string, Need>> = {
  ds18b20: {
    what: "the kernel's 1-Wire bus",
    overlay: W1_OVERLAY,
    line: 'dtoverlay=w1-gpio',
    isThere: async (files) =>
      (await files.list('/sys/bus/w1/devices')).some((name) => name.startsWith('w1_bus_master')),
  },
  dht: {
    what: "the kernel's driver for it",
    overlay: /^dht11(,|$)/,
    line: 'dtoverlay=dht11,gpiopin=4',
    isThere: async (files) => (await iioDevices(files)).some(({ name = '' }) => DHT_NAME.test(name)),
  },
};

/** What a sensor needs of the kernel that is not there. */
export async function kernelLack({ id, driver }: SensorConfig, { files }: System): Promise<Finding | undefined> {
  const need = Object.hasOwn(NEEDS, driver.id) ? NEEDS[driver.id] : undefined;
  if (!need || (await need.isThere(files))) return undefined;
  const board = await boardOf(files);
  const isAsked = board.overlays.some((line) => need.overlay.test(line));
  const fix = isAsked
    ? 'sudo reboot'
    : !board.isPi && board.configFile === undefined
      ? ELSEWHERE
      : addLine(board, need.line);
  return fault(`${id} needs ${need.what}, which is not there`, { about: id, fix, because: 'absent' });
}

/** Lines of the board's own chip that firmware or kernel use for something else. */
function pinConflicts(sensors: readonly SensorConfig[], board: Board): readonly Finding[] {
  const w1 = board.overlays.find((line) => W1_OVERLAY.test(line));
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
    if (isBroken(configuration)) return [];
    const sensors = configuration.config?.sensors ?? [];
    const board = await boardOf(system.files);
    const bound = await Promise.all(busesOf(context).map((on) => boundFindings(on, sensors, system, board)));
    const lacks = await Promise.all(sensors.map((sensor) => kernelLack(sensor, system)));
    const found = [...bound.flat(), ...lacks.flatMap((lack) => lack ?? []), ...pinConflicts(sensors, board)];
    if (found.length > 0) return found;
    const overlays = board.overlays.length === 0 ? '' : ` (overlays: ${board.overlays.join('; ')})`;
    return [ok(`no kernel driver is on the wires of a configured sensor${overlays}`)];
  },
};
