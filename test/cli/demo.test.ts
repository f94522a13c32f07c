/** `sedge demo` as a whole: real drivers, journal, uplink and broker, on the loopback interface and the system's clock. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { CommandIo } from '../../src/cli/command.ts';
import { demo } from '../../src/cli/demo.ts';

const journals = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`sedge-demo-${process.pid}-`));

/** The demo on a pipe; it is stopped when a line matches. */
async function runUntil(
  pattern: RegExp,
  values = {},
  look: (stderr: string) => Promise<void> = async () => {},
): Promise<{ status: number; stdout: string; stderr: string }> {
  const stop = new AbortController();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let text = '';
  let errors = '';
  let looked = false;
  stderr.on('data', (chunk) => {
    errors += chunk;
  });
  stdout.on('data', (chunk) => {
    text += chunk;
    if (!pattern.test(text) || looked) return;
    looked = true;
    void look(errors).finally(() => stop.abort());
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
  const status = await demo.run(io, { values, positionals: [] });
  return { status, stdout: text, stderr: errors };
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

  it('says where its page is, on loopback, which goes with it; --no-page serves none', async () => {
    let url = '';
    let status = 0;
    await runUntil(/taken/, {}, async (said) => {
      url = /page at (http:\/\/127\.0\.0\.1:\d+\/)/.exec(said)?.[1] ?? '';
      status = (await fetch(`${url}api/status`)).status;
    });
    expect(status).toBe(200);
    await expect(fetch(url)).rejects.toThrow();
    const { stderr } = await runUntil(/taken/, { 'no-page': true });
    expect(stderr).not.toContain('page');
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
