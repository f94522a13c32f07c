/** The scan for people and for programs: the grid of i2cdetect, a line per chip, what the kernel has, a configuration. */
import { hexAddress } from '../bus/i2c.ts';
import type { MuxScan } from './behind-mux.ts';
import type { DriverTable } from './chips.ts';
import { type BusScan, FIRST_ADDRESS, type Found, LAST_ADDRESS } from './i2c.ts';
import type { Scan } from './scan.ts';
import { snippet } from './snippet.ts';
import type { KernelDevice } from './sysfs.ts';

const ROW = 16;
const HEADER = `    ${Array.from({ length: ROW }, (_, at) => ` ${at.toString(16)}`).join(' ')}`;

/** As i2cdetect draws it: the address where something answers, UU where a kernel driver holds it, SS the service. */
function grid(found: readonly Found[]): string {
  const cell = (address: number): string => {
    if (address < FIRST_ADDRESS || address > LAST_ADDRESS) return '  ';
    const one = found.find((candidate) => candidate.address === address);
    if (!one) return '--';
    return one.state === 'kernel' ? 'UU' : one.state === 'service' ? 'SS' : address.toString(16).padStart(2, '0');
  };
  const rows = Array.from({ length: 8 }, (_, row) => {
    const cells = Array.from({ length: ROW }, (_, at) => cell(row * ROW + at));
    return `${row}0: ${cells.join(' ')}`.trimEnd();
  });
  return [HEADER, ...rows].map((line) => `${line}\n`).join('');
}

function described(one: Found): readonly [what: string, driver: string] {
  if (one.state === 'kernel') return [`held by the kernel driver ${one.kernelDriver}`, ''];
  if (one.state === 'service') return [`read by the running service: ${one.sensor}`, ''];
  const driver = one.driver === undefined ? 'no driver here' : `driver: ${one.driver}`;
  if (one.chip !== undefined) return [one.chip, driver];
  if (one.maybe.length > 0) return [`no id; may be ${one.maybe.join(', ')}`, one.driver === undefined ? '' : driver];
  return ['unknown', ''];
}

function list(found: readonly Found[]): string {
  const rows = found.map((one) => [hexAddress(one.address), ...described(one)] as const);
  const width = Math.max(0, ...rows.map(([, what]) => what.length));
  return rows
    .map(([address, what, driver]) => `${`  ${address}  ${what.padEnd(width)}  ${driver}`.trimEnd()}\n`)
    .join('');
}

/** Channels with nothing behind them are not worth a line each. */
const muxText = ({ address, channels }: MuxScan): string => {
  const used = channels.filter(({ found }) => found.length > 0);
  const title = `Behind the multiplexer at ${hexAddress(address)}`;
  if (used.length === 0) return channels.length === 0 ? '' : `${title}: nothing\n`;
  return used.map(({ channel, found }) => `${title}, channel ${channel}\n${list(found)}`).join('\n');
};

function busText({ bus, name, clockHz, found, muxes, error }: BusScan): string {
  const title = `I2C bus ${bus}: /dev/i2c-${bus}${name ? `, ${name}` : ''}, ${clockHz / 1000} kHz\n`;
  if (error && found.length === 0) return title;
  return [`${title}${grid(found)}`, list(found), ...muxes.map(muxText)].filter((part) => part !== '').join('\n');
}

const devices = (title: string, all: readonly KernelDevice[]): string[] =>
  all.length === 0
    ? []
    : [`${title}: ${all.map(({ device, name }) => (name ? `${device} (${name})` : device)).join(', ')}\n`];

function gpioText({ gpio }: Scan): string[] {
  return gpio.map(({ name, label, lines, uses }) => {
    const head = `GPIO: /dev/${name}${label ? ` [${label}]` : ''}${lines === undefined ? '' : `, ${lines} lines`}`;
    const rows = uses.map((use) => `  line ${use.line}${use.name ? ` (${use.name})` : ''} is used by ${use.user}\n`);
    return `${head}\n${rows.join('')}`;
  });
}

export function scanText(scan: Scan, drivers: DriverTable): string {
  const left = scan.left.map(
    ({ bus, name }) => `I2C bus ${bus} (${name}) was left alone; to look: sedge scan --bus ${bus}\n`,
  );
  const parts = [
    ...scan.buses.map(busText),
    left.join(''),
    gpioText(scan).join(''),
    [...devices('1-Wire', scan.oneWire), ...devices('IIO', scan.iio), ...devices('hwmon', scan.hwmon)].join(''),
    `A configuration for this, to be saved as sedge.yaml:\n\n${snippet(scan, drivers)}`,
  ];
  return parts.filter((part) => part !== '').join('\n');
}

export function scanJson(scan: Scan, drivers: DriverTable): string {
  const device = (one: Found) => {
    if (one.state === 'kernel') return { address: one.address, state: one.state, kernel_driver: one.kernelDriver };
    if (one.state === 'service') return { address: one.address, state: one.state, sensor: one.sensor };
    const { address, state, chip, driver, maybe } = one;
    return { address, state, chip: chip ?? null, driver: driver ?? null, maybe };
  };
  const buses = scan.buses.map(({ bus, name, clockHz, found, muxes, error }) => ({
    bus,
    name: name ?? null,
    clock_hz: clockHz,
    devices: found.map(device),
    muxes: muxes.map(({ address, channels, error: why }) => ({
      address,
      channels: channels.map(({ channel, found: behind }) => ({ channel, devices: behind.map(device) })),
      ...(why && { error: why }),
    })),
    ...(error && { error }),
  }));
  const { left, gpio, oneWire, iio, hwmon } = scan;
  return `${JSON.stringify({ buses, left, gpio, w1: oneWire, iio, hwmon, config: snippet(scan, drivers) })}\n`;
}
