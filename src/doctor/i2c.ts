/** The check of the I2C buses as the system sees them: enabled, there, ours to use, fast enough. Touches no wire. */
import { busNumbers } from '../scan/sysfs.ts';
import type { System } from '../system.ts';
import { groupFix, mayUse } from './access.ts';
import { addLine, type Board, boardOf, enableI2c, isOn } from './board.ts';
import { type Check, type DoctorContext, type Finding, fault, isBroken, ok, warning } from './types.ts';

/** The bus of the 40-pin header. */
const HEADER_BUS = 1;
/** Chips and drivers are made for at least this; below, somebody has turned it down. */
const NORMAL_HZ = 100_000;
const ABSENT = { because: 'absent' } as const;

/** Numbers of the configured buses, in order. */
export const busesOf = ({ configuration: { config } }: Pick<DoctorContext, 'configuration'>): readonly number[] =>
  [...new Set((config?.sensors ?? []).flatMap(({ place }) => (place.bus === 'i2c' ? [place.on] : [])))].sort(
    (a, b) => a - b,
  );

/** Why /dev/i2c-N is not there, and what makes it be there. */
export async function missingBus(
  on: number,
  system: System,
): Promise<{ readonly message: string; readonly fix: string }> {
  const board: Board = await boardOf(system.files);
  const node = `/dev/i2c-${on}`;
  if (await system.files.facts(`/sys/bus/i2c/devices/i2c-${on}`))
    return {
      message: `the kernel has I2C bus ${on}, but not ${node}: the module i2c-dev is not loaded`,
      fix: 'sudo modprobe i2c-dev && echo i2c-dev | sudo tee /etc/modules-load.d/i2c-dev.conf',
    };
  if (on === HEADER_BUS && board.isPi) {
    if (isOn(board.param('i2c_arm')))
      return { message: `${node} is not there, though ${board.configFile} enables I2C`, fix: 'sudo reboot' };
    return { message: `${node} is not there: I2C is not enabled`, fix: enableI2c(board) };
  }
  const others = (await busNumbers(system.files)).map((other) => `/dev/i2c-${other}`).join(', ');
  const message = `${node} is not there; this system has ${others || 'no I2C bus'}`;
  if (board.isPi && on >= 3) return { message, fix: addLine(board, `dtoverlay=i2c-gpio,bus=${on}`) };
  return {
    message,
    fix: others ? `set bus: to the number of one of them` : 'run on the board, or try it without: sedge run --simulate',
  };
}

async function examine(on: number, isNeeded: boolean, context: DoctorContext): Promise<Finding> {
  const { system, subject, buses } = context;
  const node = `/dev/i2c-${on}`;
  const about = String(on);
  const facts = await system.files.facts(node);
  if (!facts) {
    const { message, fix } = await missingBus(on, system);
    return isNeeded ? fault(message, { about, fix, ...ABSENT }) : warning(message, { about, fix });
  }
  if (!mayUse(subject, facts)) {
    const fix = await groupFix(system.files, subject, facts, 'i2c');
    return fault(`${subject.name} may not use ${node}`, { about, fix });
  }
  const { clockHz } = buses.i2c(on);
  if (clockHz < NORMAL_HZ) {
    const board = await boardOf(system.files);
    return warning(`${node} has a clock of ${clockHz / 1000} kHz: readings take long, and bursts lose samples`, {
      about,
      fix: addLine(board, `dtparam=i2c_arm_baudrate=${NORMAL_HZ}`),
    });
  }
  return ok(`${node}, ${clockHz / 1000} kHz, ${subject.name} may use it`, { about });
}

export const i2cCheck: Check = {
  id: 'i2c',
  async run(context) {
    if (isBroken(context.configuration)) return [];
    const needed = busesOf(context);
    if (needed.length > 0) return Promise.all(needed.map((on) => examine(on, true, context)));
    const { isPi } = await boardOf(context.system.files);
    return isPi ? [await examine(HEADER_BUS, false, context)] : [ok('no I2C sensor is configured')];
  },
};
