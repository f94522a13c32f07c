/** `sedge demo` as a whole: real drivers, journal, uplink and broker, on the loopback interface and the system's clock. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { CommandIo } from '../../src/cli/command.ts';
import { demo } from '../../src/cli/demo.ts';

const journals = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`sedge-demo-${process.pid}-`));

/** The demo on a pipe; it is stopped when a line matches. */
async function runUntil(pattern: RegExp): Promise<{ status: number; stdout: string }> {
  const stop = new AbortController();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let text = '';
  stdout.on('data', (chunk) => {
    text += chunk;
    if (pattern.test(text)) stop.abort();
  });
  const io = {
    stdin: process.stdin,
    stdout,
    stderr,
    env: {},
    cwd: '/',
    version: '0.0.0-test',
    signal: stop.signal,
    onHangup: () => {},
    onStray: () => {},
  } as unknown as CommandIo;
  const status = await demo.run(io, { values: {}, positionals: [] });
  return { status, stdout: text };
}

describe('sedge demo', () => {
  it('delivers what it accepted, by the count of the broker itself, and leaves nothing behind', async () => {
    const { status, stdout } = await runUntil(/acknowledged [1-9]/);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d taken \d+, accepted \d+, acknowledged \d+ in \d+ batch/);
    const [, accepted] = /^accepted +(\d+)$/m.exec(stdout) ?? [];
    const [, received] = /^received +(\d+) distinct/m.exec(stdout) ?? [];
    expect(Number(accepted)).toBeGreaterThan(0);
    expect(received).toBe(accepted);
    expect(stdout.trimEnd().endsWith('lost: 0')).toBe(true);
    expect(status).toBe(0);
    expect(journals()).toEqual([]);
  });

  it.each([
    ['seconds', '0'],
    ['seconds', '1.5'],
    ['port', '70000'],
    ['port', 'mqtt'],
  ])('refuses --%s %s', async (option, value) => {
    const io = {} as CommandIo;
    await expect(demo.run(io, { values: { [option]: value }, positionals: [] })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(`--${option} must be a whole number`),
    });
  });
});
