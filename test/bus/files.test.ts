import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fileError, fileTree } from '../../src/bus/files.ts';
import { faultyFileTree, simulatedFileTree } from '../../src/bus/simulated-files.ts';
import { virtualClock } from '../../src/clock.ts';

describe('the tree of files', async () => {
  const root = await mkdtemp(join(tmpdir(), 'sedge-files-'));
  afterAll(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'sys'));
  await writeFile(join(root, 'sys/name'), 'bme280\n');

  it('gives texts and sorted names', async () => {
    const tree = fileTree(root);
    expect(await tree.readText('/sys/name')).toBe('bme280\n');
    expect(await tree.list('/')).toEqual(['sys']);
    await expect(tree.readText('/sys/label')).rejects.toMatchObject({ code: 'bus.missing' });
    await expect(tree.list('/sys/name')).rejects.toMatchObject({ code: 'bus.missing' });
  });

  it.each([
    ['ENODEV', 'bus.missing'],
    ['EREMOTEIO', 'bus.nack'],
    ['ENXIO', 'bus.nack'],
    ['ETIMEDOUT', 'bus.timeout'],
    ['EBUSY', 'bus.busy'],
    ['EACCES', 'bus.permission'],
    ['EIO', 'bus.io'],
  ])('tells %s of a driver in the kernel as %s', (errno, code) => {
    expect(fileError('/sys/x', errno)).toMatchObject({ code, message: expect.stringMatching(/^\/sys\/x /) });
  });

  it('lets one at a time into a queue, in order, also after a failure; queues do not wait for one another', async () => {
    const { inTurn } = fileTree();
    const order: string[] = [];
    let release = () => {};
    const first = inTurn('a', () => new Promise<void>((resolve) => (release = resolve)));
    const second = inTurn('a', async () => {
      order.push('second');
      throw new Error('on purpose');
    });
    const third = inTurn('a', async () => order.push('third'));
    await inTurn('b', async () => order.push('other'));
    release();
    await first;
    await expect(second).rejects.toThrow('on purpose');
    await third;
    expect(order).toEqual(['other', 'second', 'third']);
  });
});

describe('a simulated tree of files', () => {
  const setUp = () => {
    const clock = virtualClock({ automatic: true });
    const tree = simulatedFileTree({
      clock,
      real: fileTree(),
      files: () => ({
        '/dev/name': 'chip\n',
        '/dev/value': { readMs: 750, read: (endMs) => `${endMs}` },
        '/dev/broken': { readMs: 100, read: () => ({ errno: 'EIO' }) },
      }),
    });
    return { clock, tree };
  };

  it('takes the time of the kernel, and gives what is the case at the end', async () => {
    const { clock, tree } = setUp();
    expect(await tree.readText('/dev/value')).toBe('1750');
    await expect(tree.readText('/dev/broken')).rejects.toMatchObject({ code: 'bus.io' });
    expect(clock.monotonic()).toBe(1_850);
  });

  it('holds no other files', async () => {
    const { tree } = setUp();
    expect(await tree.list('/dev')).toEqual(['broken', 'name', 'value']);
    expect(await tree.list('')).toEqual(['dev']);
    await expect(tree.list('/proc')).rejects.toMatchObject({ code: 'bus.missing' });
    await expect(tree.readText('/proc/uptime')).rejects.toMatchObject({ code: 'bus.missing' });
    expect(tree.machine().totalBytes).toBeGreaterThan(0);
  });

  it.each([
    ['nack', 'bus.nack', 0],
    ['hang', 'bus.timeout', 1_000],
    ['crc', 'bus.io', 0],
    ['unplug', 'bus.missing', 0],
  ] as const)('with the fault %s fails once with %s after %i ms', async (kind, code, afterMs) => {
    const { clock, tree } = setUp();
    const faulty = faultyFileTree(tree, { faults: [{ kind, times: 1 }], clock, seed: 1, sensor: 'probe' });
    await expect(faulty.readText('/dev/name')).rejects.toMatchObject({ code });
    expect(clock.monotonic()).toBe(1_000 + afterMs);
    if (kind === 'unplug') {
      await expect(faulty.list('/dev')).rejects.toMatchObject({ code });
      await clock.sleep(5_000);
    }
    expect(await faulty.readText('/dev/name')).toBe('chip\n');
    expect(await faulty.list('/dev')).toHaveLength(3);
  });
});
