import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Edge } from '../../src/bus/gpio.ts';
import { type OnoffLine, type SysfsEnvironment, sysfsLine } from '../../src/bus/gpio-sysfs.ts';
import { virtualClock } from '../../src/clock.ts';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

interface Chip {
  readonly label: string;
  readonly base: number;
  readonly lines?: number;
  /** Its name in /dev. */
  readonly name?: string;
}

/**
 * A sysfs tree in a temporary directory, whose kernel and udev answer an export while the clock sleeps, and a package
 * onoff on it that behaves as version 6.0.3: failures to configure a line that was exported before are swallowed.
 */
function board(chips: readonly Chip[], { frozen = false, exportable = true } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'sedge-gpio-'));
  roots.push(root);
  const directory = join(root, 'sys/class/gpio');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'export'), '');
  writeFileSync(join(directory, 'unexport'), '');
  for (const { label, base, lines = 54, name } of chips) {
    const chip = join(directory, `gpiochip${base}`);
    mkdirSync(join(chip, 'device', name ?? 'power'), { recursive: true });
    writeFileSync(join(chip, 'label'), `${label}\n`);
    writeFileSync(join(chip, 'base'), `${base}\n`);
    writeFileSync(join(chip, 'ngpio'), `${lines}\n`);
  }
  const exported = (number: number | string, direction = 'out') => {
    const line = join(directory, `gpio${number}`);
    mkdirSync(line);
    for (const [file, text] of Object.entries({ value: '0', direction, edge: 'none', active_low: '1' })) {
      writeFileSync(join(line, file), `${text}\n`);
    }
  };
  const clock = virtualClock({ automatic: true });
  const answering = {
    ...clock,
    sleep: async (ms: number, signal?: AbortSignal) => {
      const number = readFileSync(join(directory, 'export'), 'utf8');
      if (exportable && number && !existsSync(join(directory, `gpio${number}`))) exported(number);
      await clock.sleep(ms, signal);
    },
  };

  const made: { readonly number: number; fire(level: 0 | 1, error?: Error): void; watched: boolean }[] = [];
  class Gpio implements OnoffLine {
    #line: string;
    #level: 0 | 1 = 0;
    #listeners: ((error: Error | null, value: 0 | 1) => void)[] = [];
    #number: number;
    #entry: { readonly number: number; fire(level: 0 | 1, error?: Error): void; watched: boolean };
    constructor(number: number, direction: 'in', edge: 'both', options: { readonly activeLow: boolean }) {
      this.#number = number;
      this.#line = join(directory, `gpio${number}`);
      if (!frozen) {
        writeFileSync(join(this.#line, 'direction'), direction);
        writeFileSync(join(this.#line, 'edge'), edge);
        writeFileSync(join(this.#line, 'active_low'), options.activeLow ? '1' : '0');
      }
      this.#entry = {
        number,
        watched: false,
        fire: (level, error) => {
          this.#level = level;
          for (const listener of this.#listeners) listener(error ?? null, level);
        },
      };
      made.push(this.#entry);
    }
    read = async () => this.#level;
    readSync = () => this.#level;
    watch(callback: (error: Error | null, value: 0 | 1) => void) {
      this.#listeners.push(callback);
      this.#entry.watched = true;
    }
    unwatchAll() {
      this.#listeners = [];
      this.#entry.watched = false;
    }
    direction = () => readFileSync(join(this.#line, 'direction'), 'utf8').trim();
    edge = () => readFileSync(join(this.#line, 'edge'), 'utf8').trim();
    activeLow = () => readFileSync(join(this.#line, 'active_low'), 'utf8').trim() === '1';
    unexport() {
      this.unwatchAll();
      writeFileSync(join(directory, 'unexport'), String(this.#number));
      rmSync(this.#line, { recursive: true });
    }
  }
  const environment: SysfsEnvironment = {
    clock: answering,
    platform: 'linux',
    root,
    loadOnoff: async () => ({ default: { Gpio } }),
  };
  return { environment, made, clock, exported, directory };
}

const PI4: Chip = { label: 'pinctrl-bcm2711', base: 512, name: 'gpiochip0' };
const EXPANDER: Chip = { label: 'raspberrypi-exp-gpio', base: 570, lines: 8, name: 'gpiochip1' };

describe('the number of a line in sysfs', () => {
  it.each([
    ['a Pi 4 with a kernel since 6.6', [EXPANDER, PI4], { line: 17 }, 529],
    ['a Pi with an old kernel', [{ label: 'pinctrl-bcm2835', base: 0 }], { line: 17 }, 17],
    [
      'a Pi 5',
      [
        { label: 'gpio-brcmstb@107d508500', base: 512 },
        { label: 'pinctrl-rp1', base: 571 },
      ],
      { line: 17 },
      588,
    ],
    ['another board with one chip', [{ label: 'sunxi', base: 100 }], { line: 3 }, 103],
    ['a chip named by its label', [PI4, EXPANDER], { chip: 'raspberrypi-exp-gpio', line: 2 }, 572],
    ['a chip named as in /dev', [PI4, EXPANDER], { chip: 'gpiochip1', line: 2 }, 572],
  ])('of %s is the base of its chip plus the offset', async (_, chips, place, number) => {
    const { environment, made } = board(chips);
    const line = await sysfsLine(place, {}, environment);
    expect(made[0]?.number).toBe(number);
    await line.close();
  });

  it.each([
    ['a chip that is not there', { chip: 'gpiochip9', line: 1 }, 'bus.missing', 'gpiochip0 [pinctrl-bcm2711]'],
    ['a line past the end', { line: 54 }, 'bus.missing', 'has 54 lines'],
    ['a line name', { line: 'GPIO17' }, 'bus.unsupported', 'gpiod'],
  ])('is not guessed for %s', async (_, place, code, text) => {
    const { environment } = board([PI4]);
    await expect(sysfsLine(place, {}, environment)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });

  it('is not guessed on a board with several unknown chips', async () => {
    const { environment } = board([
      { label: 'a', base: 0 },
      { label: 'b', base: 32 },
    ]);
    await expect(sysfsLine({ line: 1 }, {}, environment)).rejects.toMatchObject({
      code: 'bus.missing',
      message: expect.stringContaining('[a], '),
    });
  });
});

describe('opening a line in sysfs', () => {
  it('inherits nothing from a process that crashed', async () => {
    const { environment, exported, directory } = board([PI4]);
    exported(529, 'out');
    const line = await sysfsLine({ line: 17 }, {}, environment);
    expect(readFileSync(join(directory, 'gpio529/direction'), 'utf8')).toBe('in');
    expect(readFileSync(join(directory, 'gpio529/active_low'), 'utf8')).toBe('0');
    await line.close();
    expect(existsSync(join(directory, 'gpio529'))).toBe(false);
    expect(readFileSync(join(directory, 'unexport'), 'utf8')).toBe('529');
  });

  it('refuses a line whose direction stays what it was', async () => {
    const { environment, exported } = board([PI4], { frozen: true });
    exported(529, 'out');
    await expect(sysfsLine({ line: 17 }, {}, environment)).rejects.toMatchObject({ code: 'bus.busy' });
  });

  it('gives up in bounded time when the line never appears', async () => {
    const { environment, clock } = board([PI4], { exportable: false });
    const beganMs = clock.monotonic();
    await expect(sysfsLine({ line: 17 }, {}, environment)).rejects.toMatchObject({ code: 'bus.unsupported' });
    expect(clock.monotonic() - beganMs).toBeLessThan(2_100);
  });

  it('never ignores a pull', async () => {
    const { environment } = board([PI4]);
    await expect(sysfsLine({ line: 17 }, { pull: 'up' }, environment)).rejects.toMatchObject({
      code: 'bus.unsupported',
      message: expect.stringContaining('gpio=17=pu'),
    });
  });

  it('says what to do where the kernel has no GPIO in sysfs, or onoff is not compiled', async () => {
    const { environment, directory } = board([PI4]);
    rmSync(directory, { recursive: true });
    await expect(sysfsLine({ line: 17 }, {}, environment)).rejects.toMatchObject({ code: 'bus.missing' });
    const broken = {
      ...environment,
      loadOnoff: () => Promise.reject(new Error('Could not locate the bindings file.')),
    };
    await expect(sysfsLine({ line: 17 }, {}, broken)).rejects.toMatchObject({
      code: 'bus.package',
      message: expect.stringContaining('npm rebuild onoff'),
    });
  });
});

describe('edges of a line in sysfs', () => {
  it('come in order with the time they were seen, until the signal aborts', async () => {
    const { environment, made, clock } = board([PI4]);
    const line = await sysfsLine({ line: 17 }, {}, environment);
    const stop = new AbortController();
    const edges = line.edges(stop.signal);
    const beganMs = clock.monotonic();
    made[0]?.fire(1);
    await clock.sleep(10);
    made[0]?.fire(0);
    const seen: Edge[] = [];
    for await (const edge of edges) if (seen.push(edge) === 2) stop.abort();
    expect(seen).toEqual([
      { level: 1, monoMs: beganMs },
      { level: 0, monoMs: beganMs + 10 },
    ]);
    expect(made[0]?.watched).toBe(false);
    await line.close();
    await line.close();
  });

  it('stop being watched at the abort, also when nobody fetches them', async () => {
    const { environment, made } = board([PI4]);
    const line = await sysfsLine({ line: 17 }, {}, environment);
    const stop = new AbortController();
    line.edges(stop.signal);
    expect(made[0]?.watched).toBe(true);
    stop.abort();
    expect(made[0]?.watched).toBe(false);
    await line.close();
  });

  it('end when the line is closed', async () => {
    const { environment, made } = board([PI4]);
    const line = await sysfsLine({ line: 17 }, {}, environment);
    const next = line.edges(new AbortController().signal)[Symbol.asyncIterator]().next();
    await line.close();
    expect(await next).toMatchObject({ done: true });
    expect(made[0]?.watched).toBe(false);
  });

  it('that were over before we looked are counted as lost', async () => {
    const { environment, made } = board([PI4]);
    const line = await sysfsLine({ line: 17 }, {}, environment);
    line.edges(new AbortController().signal);
    made[0]?.fire(1);
    made[0]?.fire(1);
    expect(line.lostEdges).toBe(1);
    await line.close();
  });

  it('beyond the queue are dropped, oldest first, and counted', async () => {
    const { environment, made } = board([PI4]);
    const line = await sysfsLine({ line: 17 }, {}, environment);
    const stop = new AbortController();
    const edges = line.edges(stop.signal);
    for (let index = 0; index < 1_030; index++) made[0]?.fire(index % 2 === 0 ? 1 : 0);
    expect(line.lostEdges).toBe(6);
    let count = 0;
    for await (const _ of edges) if (++count === 1_024) stop.abort();
    await line.close();
  });

  it('end with an error when the line is lost', async () => {
    const { environment, made } = board([PI4]);
    const line = await sysfsLine({ line: 17 }, {}, environment);
    const edges = line.edges(new AbortController().signal)[Symbol.asyncIterator]();
    const next = edges.next();
    made[0]?.fire(0, Object.assign(new Error('gone'), { code: 'ENODEV' }));
    await expect(next).rejects.toMatchObject({ code: 'bus.io' });
    await line.close();
    await expect(line.read()).rejects.toMatchObject({ code: 'bus.io' });
  });
});
