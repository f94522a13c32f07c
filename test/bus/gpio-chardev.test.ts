import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Edge } from '../../src/bus/gpio.ts';
import { chooseGpio, gpioLine } from '../../src/bus/gpio-auto.ts';
import { chardevLine, monotonicOf } from '../../src/bus/gpio-chardev.ts';
import { chipsIn, dialectOf, offsetIn } from '../../src/bus/gpiod-tools.ts';
import { systemClock, virtualClock } from '../../src/clock.ts';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

const CHIPS = 'gpiochip0 [pinctrl-bcm2711] (58 lines)\ngpiochip1 [raspberrypi-exp-gpio] (8 lines)\n';
const INFO = {
  v1: 'gpiochip0 - 58 lines:\n\tline   0:     "ID_SDA"       unused   input  active-high \n\tline  17:     "GPIO17"       unused   input  active-high \n\tline  18:      unnamed       unused   input  active-high \n',
  v2: 'gpiochip0 - 58 lines:\n\tline   0:\t"ID_SDA"        \tinput\n\tline  17:\t"GPIO17"        \tinput\n\tline  18:\tunnamed         \tinput\n',
};
const VERSION = {
  v1: 'gpiodetect (libgpiod) v1.6.3',
  v2: 'gpiodetect (libgpiod) v2.2.4',
  'v2.3': 'gpiodetect v2.3 (libgpiod v2.3)',
};

/** The gpiod tools as shell scripts: they write down how they were called, and gpiomon prints what the test writes. */
function fakeTools(version: keyof typeof VERSION) {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-gpiod-'));
  const file = (name: string) => join(directory, name);
  const script = (name: string, body: string) => {
    writeFileSync(file(name), `#!/bin/sh\necho "${name} $*" >> ${file('calls')}\n${body}\n`);
    chmodSync(file(name), 0o755);
  };
  writeFileSync(file('level'), '0\n');
  writeFileSync(file('chips'), CHIPS);
  writeFileSync(file('info'), INFO[version === 'v1' ? 'v1' : 'v2']);
  execFileSync('mkfifo', [file('events')]);
  const events = openSync(file('events'), 'r+');
  script('gpiodetect', `[ "$1" = --version ] && echo "${VERSION[version]}" || cat ${file('chips')}`);
  script('gpioinfo', `cat ${file('info')}`);
  script('gpioget', `cat ${file('level')}`);
  // `exec`, so that the child to be killed is the one that waits.
  script('gpiomon', `echo $$ > ${file('pid')}\nexec cat ${file('events')}`);
  cleanUps.push(() => {
    closeSync(events);
    rmSync(directory, { recursive: true });
  });
  return {
    environment: { clock: systemClock, path: `${directory}:/usr/bin:/bin` },
    script,
    file,
    calls: () => readFileSync(file('calls'), 'utf8').trim().split('\n'),
    setLevel: (level: 0 | 1) => writeFileSync(file('level'), `${level}\n`),
    print: (text: string) => writeSync(events, `${text}\n`),
    /** The process id of gpiomon once it watches. */
    async watching(): Promise<number> {
      while (!existsSync(file('pid')) || readFileSync(file('pid'), 'utf8') === '') await sleep(2);
      return Number(readFileSync(file('pid'), 'utf8'));
    },
  };
}
const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const gone = async (pid: number): Promise<void> => {
  while (alive(pid)) await sleep(2);
};

describe('the tools of libgpiod', () => {
  it('are told apart by their version', () => {
    expect(Object.values(VERSION).map((text) => dialectOf(text).version)).toEqual(['v1.6.3', 'v2.2.4', 'v2.3']);
    expect(() => dialectOf('gpiodetect v3.0')).toThrow(/neither 1 nor 2/);
  });

  it('list chips and lines the same way in both versions', () => {
    expect(chipsIn(CHIPS)).toEqual([
      { name: 'gpiochip0', label: 'pinctrl-bcm2711', lines: 58 },
      { name: 'gpiochip1', label: 'raspberrypi-exp-gpio', lines: 8 },
    ]);
    for (const info of Object.values(INFO)) {
      expect(offsetIn(info, 'GPIO17')).toBe(17);
      expect(offsetIn(info, 'unnamed')).toBeUndefined();
    }
  });

  it.each([
    [
      'v1',
      ['gpioget --bias=pull-up gpiochip0 17', 'gpiomon --line-buffered --format=%e %s %n --bias=pull-up gpiochip0 17'],
    ],
    [
      'v2',
      [
        'gpioget --numeric --bias pull-up --consumer sedge --chip gpiochip0 17',
        'gpiomon --event-clock monotonic --format %E %S --bias pull-up --consumer sedge --chip gpiochip0 17',
      ],
    ],
    [
      'v2.3',
      [
        'gpioget --numeric --bias pull-up --consumer sedge --chip gpiochip0 17',
        'gpiomon --event-clock monotonic --format %E %S --initial-state --numeric --bias pull-up --consumer sedge --chip gpiochip0 17',
      ],
    ],
  ] as const)('%s are asked in their own words', async (version, expected) => {
    const tools = fakeTools(version);
    const line = await chardevLine({ line: 17 }, { pull: 'up' }, tools.environment);
    line.edges(new AbortController().signal);
    await tools.watching();
    await line.close();
    expect([...new Set(tools.calls())].filter((call) => /^gpio(get|mon)/.test(call))).toEqual(expected);
  });

  it('find a line by its name, and another chip by its label', async () => {
    const tools = fakeTools('v2');
    await (await chardevLine({ line: 'GPIO17' }, {}, tools.environment)).close();
    await (await chardevLine({ chip: 'raspberrypi-exp-gpio', line: 2 }, {}, tools.environment)).close();
    expect(tools.calls()).toContain('gpioinfo --chip gpiochip0');
    expect(tools.calls().at(-1)).toBe('gpioget --numeric --consumer sedge --chip gpiochip1 2');
    await expect(chardevLine({ line: 'DOOR' }, {}, tools.environment)).rejects.toMatchObject({ code: 'bus.missing' });
  });

  it.each([
    ['Device or resource busy', 'bus.busy', 'taken'],
    ['Permission denied', 'bus.permission', 'usermod -aG gpio'],
    ['No such file or directory', 'bus.missing', 'gpioinfo'],
    ['Input/output error', 'bus.io', 'Input/output error'],
  ])('that say "%s" mean %s', async (text, code, hint) => {
    const tools = fakeTools('v1');
    tools.script('gpioget', `echo "gpioget: error reading GPIO values: ${text}" >&2; exit 1`);
    await expect(chardevLine({ line: 17 }, {}, tools.environment)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(hint),
    });
  });
});

describe('edges from gpiomon', () => {
  it.each([
    ['v1', (level: 0 | 1, ms: number) => `${level} ${Math.floor(ms / 1e3)} ${Math.round((ms % 1e3) * 1e6)}`],
    ['v2', (level: 0 | 1, ms: number) => `${level ? 'rising' : 'falling'} ${(ms / 1e3).toFixed(9)}`],
  ] as const)('%s carry the time of the kernel, on the monotonic clock', async (version, report) => {
    const tools = fakeTools(version);
    const line = await chardevLine({ line: 17 }, {}, tools.environment);
    const stop = new AbortController();
    const edges = line.edges(stop.signal);
    const pid = await tools.watching();
    expect(await line.read()).toBe(0);
    const nowMs = systemClock.monotonic();
    tools.print(report(1, nowMs - 50.004));
    tools.print(report(0, nowMs - 20));
    const seen: Edge[] = [];
    for await (const edge of edges) if (seen.push(edge) === 2) stop.abort();
    expect(seen.map(({ level }) => level)).toEqual([1, 0]);
    expect(seen[0]?.monoMs).toBeCloseTo(nowMs - 50.004, 3);
    expect(seen[1]?.monoMs).toBeCloseTo(nowMs - 20, 3);
    expect(alive(pid)).toBe(false);
    expect(await line.read()).toBe(0);
    await line.close();
  });

  it('keep the level that read() tells while they are watched', async () => {
    const tools = fakeTools('v2');
    const line = await chardevLine({ line: 17 }, {}, tools.environment);
    const edges = line.edges(new AbortController().signal)[Symbol.asyncIterator]();
    await tools.watching();
    tools.print('rising 1.000000000');
    await edges.next();
    expect(await line.read()).toBe(1);
    expect(() => line.edges(new AbortController().signal)).toThrow(/already watched/);
    await line.close();
  });

  it('tell, with gpiod 2.3, of a change between reading the level and watching', async () => {
    const tools = fakeTools('v2.3');
    const line = await chardevLine({ line: 17 }, {}, tools.environment);
    const edges = line.edges(new AbortController().signal)[Symbol.asyncIterator]();
    tools.print('1');
    expect((await edges.next()).value).toMatchObject({ level: 1 });
    expect(line.lostEdges).toBe(0);
    await line.close();
  });

  it('that are missing between two of one kind are counted as lost', async () => {
    const tools = fakeTools('v2');
    const line = await chardevLine({ line: 17 }, {}, tools.environment);
    const edges = line.edges(new AbortController().signal)[Symbol.asyncIterator]();
    tools.print('rising 1.000000000');
    tools.print('rising 2.000000000');
    await edges.next();
    await edges.next();
    expect(line.lostEdges).toBe(1);
    await line.close();
  });

  it('end with an error when gpiomon dies, and the line can be watched again', async () => {
    const tools = fakeTools('v1');
    const line = await chardevLine({ line: 17 }, {}, tools.environment);
    const edges = line.edges(new AbortController().signal)[Symbol.asyncIterator]();
    const next = edges.next();
    process.kill(await tools.watching(), 'SIGKILL');
    await expect(next).rejects.toMatchObject({ code: 'bus.io' });
    tools.setLevel(1);
    expect(await line.read()).toBe(1);
    const again = line.edges(new AbortController().signal)[Symbol.asyncIterator]();
    tools.print('0 1 5');
    expect((await again.next()).value).toMatchObject({ level: 0 });
    await line.close();
  });

  it('end with what gpiomon said when it cannot have the line', async () => {
    const tools = fakeTools('v1');
    tools.script('gpiomon', 'echo "gpiomon: error waiting for events: Device or resource busy" >&2; exit 1');
    const line = await chardevLine({ line: 17 }, {}, tools.environment);
    const edges = line.edges(new AbortController().signal)[Symbol.asyncIterator]();
    await expect(edges.next()).rejects.toMatchObject({ code: 'bus.busy' });
    await line.close();
  });

  it('can be followed anew at once: the line is free before it is asked for again', async () => {
    const tools = fakeTools('v1');
    // As the kernel does: held by gpiomon, refused to gpioget.
    tools.script(
      'gpioget',
      `kill -0 $(cat ${tools.file('pid')}) 2>/dev/null && { echo "Device or resource busy" >&2; exit 1; }; echo 0`,
    );
    const line = await chardevLine({ line: 17 }, {}, tools.environment);
    const first = new AbortController();
    line.edges(first.signal);
    await tools.watching();
    first.abort();
    expect(await line.read()).toBe(0);
    const edges = line.edges(new AbortController().signal)[Symbol.asyncIterator]();
    tools.print('1 1 5');
    expect((await edges.next()).value).toMatchObject({ level: 1 });
    await line.close();
  });

  it('leave no child running: not after an abort that nobody waits for, nor after closing', async () => {
    const tools = fakeTools('v2');
    const stop = new AbortController();
    const line = await chardevLine({ line: 17 }, {}, tools.environment);
    line.edges(stop.signal);
    const pid = await tools.watching();
    stop.abort();
    await gone(pid);
    const other = await chardevLine({ line: 17 }, {}, tools.environment);
    const next = other.edges(new AbortController().signal)[Symbol.asyncIterator]().next();
    await tools.watching();
    await other.close();
    expect(await next).toMatchObject({ done: true });
    expect(alive(await tools.watching())).toBe(false);
    await expect(other.read()).rejects.toMatchObject({ code: 'bus.io' });
  });
});

describe('the time of an edge', () => {
  const clock = virtualClock({ wallMs: Date.UTC(2026, 10, 22), monoMs: 100_000 });
  it('is taken as it is from a kernel since 5.7', () => expect(monotonicOf(99_990, clock)).toBe(99_990));
  it('is converted from the wall clock of an older one', () =>
    expect(monotonicOf(Date.UTC(2026, 10, 22) - 25, clock)).toBe(99_975));
  it('is never in the future', () => {
    expect(monotonicOf(100_003, clock)).toBe(100_000);
    expect(monotonicOf(Date.UTC(2026, 10, 22) + 25, clock)).toBe(100_000);
  });
});

describe('the choice of a backend', () => {
  const noOnoff = { platform: 'linux' as const, loadOnoff: () => Promise.reject(new Error('none')) };
  const sysfs = (extra = {}) => {
    const root = mkdtempSync(join(tmpdir(), 'sedge-gpio-'));
    cleanUps.push(() => rmSync(root, { recursive: true }));
    mkdirSync(join(root, 'sys/class/gpio'), { recursive: true });
    appendFileSync(join(root, 'sys/class/gpio/export'), '');
    return { root, platform: 'linux' as const, loadOnoff: async () => ({}), ...extra };
  };

  it('is sysfs where it can be used', async () => {
    expect(await chooseGpio({ line: 17 }, {}, sysfs())).toMatchObject({ backend: 'sysfs' });
  });

  it.each([
    ['a pull is asked for', { line: 17 }, { pull: 'up' as const }, 'sysfs cannot set a pull'],
    ['a line is named', { line: 'GPIO17' }, {}, 'sysfs does not know line names'],
  ])('is the tools where %s', async (_, place, options, why) => {
    const environment = { ...fakeTools('v2').environment, ...sysfs() };
    const choice = await chooseGpio(place, options, environment);
    expect(choice).toMatchObject({ backend: 'chardev', why: expect.stringContaining(why) });
  });

  it('is the tools where the kernel has no GPIO in sysfs, and opens the line with them', async () => {
    const environment = { ...fakeTools('v1').environment, ...sysfs({ root: '/nowhere' }) };
    expect(await chooseGpio(undefined, {}, environment)).toMatchObject({
      backend: 'chardev',
      // Nothing is advised that is there already.
      why: expect.stringMatching(/v1\.6\.3.*no GPIO in sysfs$/),
    });
    const line = await gpioLine({ line: 17 }, {}, environment);
    expect(line.title).toBe('GPIO 17 of pinctrl-bcm2711');
    await line.close();
  });

  it('is none where neither is there, with one sentence on each', async () => {
    const environment = { ...noOnoff, path: '/nowhere' };
    const choice = await chooseGpio({ line: 17 }, {}, environment);
    expect(choice).toMatchObject({ backend: 'none', why: expect.stringMatching(/onoff.*; and .*apt install gpiod/) });
    await expect(gpioLine({ line: 17 }, {}, environment)).rejects.toMatchObject({ code: 'bus.package' });
  });

  it('says that a line may not be used rather than that a fallback is not installed', async () => {
    const environment = sysfs({ root: '/nowhere', path: '/nowhere' });
    await expect(gpioLine({ line: 17 }, {}, environment)).rejects.toMatchObject({ code: 'bus.missing' });
  });
});
