/**
 * The board itself: temperature of its processor, load, memory, disk and time since start.
 *
 * Stays real under simulation. What this machine does not tell (a container has no thermal zone) is absent.
 */
import type { Channels, FileTree, PollDriver } from '../src/driver.ts';

const THERMAL = '/sys/class/thermal';
/** Types of the zone that is the processor: `cpu-thermal` on a Pi, `soc-thermal` and `x86_pkg_temp` elsewhere. */
const PROCESSOR = /cpu|soc|x86_pkg_temp/i;
/** A zone that is switched off reads nonsense such as -274 Cel. */
const COLDEST_CEL = -55;
const HOTTEST_CEL = 150;

const channels: Channels = {
  temperature: { quantity: 'temperature', min: COLDEST_CEL, max: HOTTEST_CEL, resolution: 0.1, decimals: 1 },
  load: { quantity: 'load', min: 0, max: 100_000, resolution: 0.01, decimals: 2 },
  memory: { quantity: 'percent', min: 0, max: 100, resolution: 0.1, decimals: 1 },
  disk: { quantity: 'percent', min: 0, max: 100, resolution: 0.1, decimals: 1 },
  uptime: { quantity: 'duration', min: 0, max: 1e10, resolution: 1, decimals: 0 },
};

/** The file with the processor's temperature in thousandths of a degree; the first zone where none says it is the processor's. */
async function thermalFile(files: FileTree): Promise<string | undefined> {
  const zones = (await files.list(THERMAL)).filter((name) => /^thermal_zone\d+$/.test(name));
  for (const zone of zones) {
    const type = await files.readText(`${THERMAL}/${zone}/type`).catch(() => '');
    if (PROCESSOR.test(type)) return `${THERMAL}/${zone}/temp`;
  }
  return zones[0] && `${THERMAL}/${zones[0]}/temp`;
}

/** Thousandths of a degree as text, in Cel. */
export function celsius(milliCelsius: string): number | undefined {
  const value = /^\s*-?\d+\s*$/.test(milliCelsius) ? Number(milliCelsius) / 1_000 : Number.NaN;
  return value >= COLDEST_CEL && value <= HOTTEST_CEL ? value : undefined;
}

/** The part of a whole that is in use, in percent. */
export function percentUsed(total: number, available: number): number | undefined {
  const used = 100 * (1 - available / total);
  return used >= 0 && used <= 100 ? used : undefined;
}

/** The first number of /proc/uptime: seconds since boot. */
export function uptimeSeconds(text: string): number | undefined {
  const seconds = Number.parseFloat(text);
  return seconds >= 0 ? seconds : undefined;
}

/** What could not be read is absent: a missing file is no failure of the board. */
const orAbsent = async <T>(work: Promise<T>): Promise<T | undefined> => work.catch(() => undefined);
/** The kernel answers these from memory. */
function nowOrAbsent(files: FileTree, path: string): string | undefined {
  try {
    return files.readNow(path);
  } catch {
    return undefined;
  }
}

const driver: PollDriver<'files'> = {
  api: 1,
  id: 'host',
  title: 'The board itself: temperature, load, memory, disk, uptime',
  datasheet: 'https://docs.kernel.org/driver-api/thermal/sysfs-api.html',
  bus: 'files',
  kind: 'poll',
  channels,
  options: {
    path: { kind: 'string', default: '/', doc: 'Any path on the file system whose use `disk` reports.' },
  },
  worstCaseMs: 1_000,
  async open({ device, options, fail }) {
    const path = options.path as string;
    const thermal = await orAbsent(thermalFile(device));
    return {
      async read() {
        const { load1, totalBytes, availableBytes } = device.machine();
        const temperature = thermal === undefined ? undefined : nowOrAbsent(device, thermal);
        const uptime = nowOrAbsent(device, '/proc/uptime');
        const space = await orAbsent(device.space(path));
        const found = {
          temperature: temperature ? celsius(temperature) : undefined,
          load: load1 >= 0 ? load1 : undefined,
          memory: percentUsed(totalBytes, availableBytes),
          disk: space && percentUsed(space.totalBytes, space.availableBytes),
          uptime: uptime ? uptimeSeconds(uptime) : undefined,
        };
        const values: Record<string, number> = {};
        for (const [channel, value] of Object.entries(found)) if (value !== undefined) values[channel] = value;
        if (Object.keys(values).length === 0)
          throw fail('sensor.no-data', 'host: this system tells nothing about itself: remove the sensor');
        return values;
      },
      close: async () => {},
    };
  },
};

export default driver;
