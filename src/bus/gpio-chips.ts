/** Which GPIO chip a configured place means, the same for both backends. */
import { SedgeError } from '../errors.ts';
import type { GpioPlace } from './gpio.ts';

export interface GpioChip {
  /** `gpiochip0`, as in /dev. */
  readonly name: string;
  /** What the kernel's driver calls it; the only name that does not depend on the order of probing. */
  readonly label: string;
  readonly lines: number;
}

/** The chip behind the 40-pin header: Pi 5, Pi 4, all before. The first that is there. */
const HEADER_LABELS = ['pinctrl-rp1', 'pinctrl-bcm2711', 'pinctrl-bcm2835'];

export function chipOf<C extends GpioChip>(chips: readonly C[], { chip: wanted }: GpioPlace): C {
  const listed = chips.map(({ name, label }) => `${name} [${label}]`).join(', ') || 'none';
  if (wanted !== undefined) {
    const chip = chips.find(({ label }) => label === wanted) ?? chips.find(({ name }) => name === wanted);
    if (chip) return chip;
    throw new SedgeError('bus.missing', `there is no GPIO chip ${wanted}: this board has ${listed}`);
  }
  for (const header of HEADER_LABELS) {
    const chip = chips.find(({ label }) => label === header);
    if (chip) return chip;
  }
  const [only, ...others] = chips;
  if (only && others.length === 0) return only;
  throw new SedgeError(
    'bus.missing',
    only
      ? `which GPIO chip is the board's own is not known: name one with line: { chip: ..., line: ... } out of ${listed}`
      : 'this system has no GPIO chip: run on the board, or with --simulate',
  );
}

export function checkOffset({ name, label, lines }: GpioChip, offset: number): void {
  if (offset < lines) return;
  throw new SedgeError(
    'bus.missing',
    `${name} [${label}] has ${lines} lines, so there is no line ${offset}: count from 0`,
  );
}

export const lineTitle = (chip: GpioChip, line: number | string): string => `GPIO ${line} of ${chip.label}`;
