/** The built program's page in a real browser, and its API from outside: off unless configured, and then all of it. */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../certificates.ts';
import { type Browser, hasBrowser, openBrowser } from '../page/browser.ts';
import { type SedgeProcess, startSedge, until } from '../sedge-process.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
let directory: string;
let running: SedgeProcess[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-page-'));
  running = [];
});
afterEach(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  rmSync(directory, { recursive: true, force: true });
});

/** A simulated station with one sensor that fails; gives where its page is. */
async function station(api: string): Promise<string> {
  writeFileSync(
    join(directory, 'sedge.yaml'),
    `version: 1
device: greenhouse-1
sensors:
  air: { driver: bme280, every: 200ms, name: "Air <b>by</b> the door" }
  lamp: { driver: bh1750, every: 1s }
  wave: { driver: mock, every: 200ms, options: { wave: sine, period: 5s } }
journal: { directory: journal, commit_every: 100ms }
uplinks: { cloud: { type: mqtt, url: "mqtt://127.0.0.1:1" } }
simulation: { faults: { lamp: [ { kind: nack, rate: 1 } ] } }
${api}`,
  );
  const env = { XDG_RUNTIME_DIR: directory, TMPDIR: directory, HOME: directory };
  const process = startSedge(['run', '--simulate'], { cwd: directory, env });
  running.push(process);
  await until('the service runs', () => process.stderr().includes('service.started'));
  return /api\.listening url=(\S+)/.exec(process.stderr())?.[1] ?? '';
}
/** TCP sockets that a process listens at: state 0A, and the inode in the tenth column (proc(5)). */
function listening(pid: number): number {
  const own = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
  const rows = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/${pid}/net/${name}`, 'utf8').split('\n'));
  const columns = rows.map((row) => row.trim().split(/\s+/));
  return columns.filter((row) => row[3] === '0A' && own.includes(row[9] ?? '')).length;
}

describe('the local API of the built program', () => {
  it('is off unless it is configured, and a reload turns it on', async () => {
    expect(await station('')).toBe('');
    expect(listening(running[0]!.child.pid!)).toBe(0);
    const file = join(directory, 'sedge.yaml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}api: { listen: "127.0.0.1:0" }\n`);
    running[0]!.kill('SIGHUP');
    await until('it listens', () => running[0]!.stderr().includes('api.listening'));
    expect(listening(running[0]!.child.pid!)).toBe(1);
    const url = /api\.listening url=(\S+)/.exec(running[0]!.stderr())?.[1];
    expect(((await (await fetch(`${url}api/health`)).json()) as { clock: string }).clock).toBe('synced');
  });

  it('reads a sensor at will, and has what waits in the journal', async () => {
    const url = await station('api: { listen: "127.0.0.1:0" }');
    const ask = async (path: string, init?: RequestInit) =>
      (await fetch(`${url}${path}`, init)).json() as Promise<Record<string, unknown>>;
    await until('something is accepted', async () => Number((await ask('api/health')).accepted) > 5);
    const read = await ask('api/read/wave', { method: 'POST', headers: { 'x-sedge': '1' } });
    expect(read).toMatchObject({ sensor: 'wave', reading: { values: { value: expect.any(Number) } } });
    const page = await ask('api/readings?source=journal&limit=3');
    expect((page.records as { seq: number }[]).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(page.next).toBe(4);
  });
});

describe.skipIf(!hasBrowser)('the page in Chromium (Debian package chromium; runs in .ci/run)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  const text = (selector: string) =>
    browser.value<string>(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`);
  const shows = (selector: string, what: string | RegExp) =>
    until(`${selector} shows ${what}`, async () => (await text(selector)).search(what) >= 0);

  it('shows values that move, what fails and why, uplinks, journal and clock; asks nobody else; complains of nothing', async () => {
    const url = await station('api: { listen: "127.0.0.1:0" }');
    const [requestsBefore, complaintsBefore] = [browser.requested.length, browser.complaints.length];
    await browser.size(1280, 800);
    await browser.open(url);
    await shows('#device', 'greenhouse-1');
    await shows('#link', 'live');
    // A name is text, whatever it holds.
    await shows('#sensor-air', 'Air <b>by</b> the door');
    await shows('#sensors article:nth-child(2) .problem', /bus\.nack: nothing acknowledges/);
    const value = '#sensors article:nth-child(3) .big';
    const first = await text(value);
    await until('the value moves', async () => (await text(value)) !== first);
    await until('there is a curve', () =>
      browser.value<boolean>(`document.querySelectorAll('.graph canvas').length >= 2`),
    );
    await shows('#uplinks', /cloud.*offline/);
    await shows('#journal', /Accepted/);
    await shows('#clock', /UTC/);
    await browser.value(`document.querySelector('[aria-label="Read wave now"]').click()`);
    await shows('#sensors article:nth-child(3) .note', 'read');
    expect(
      browser.requested.slice(requestsBefore).filter((asked) => new URL(asked).host !== new URL(url).host),
    ).toEqual([]);
    expect(browser.complaints.slice(complaintsBefore)).toEqual([]);
  });

  it('fits a phone, in the dark and in the light', async () => {
    const url = await station('api: { listen: "127.0.0.1:0" }');
    await browser.size(360, 800);
    await browser.open(url);
    await shows('#link', 'live');
    const backs = [];
    for (const scheme of ['dark', 'light'] as const) {
      await browser.scheme(scheme);
      backs.push(await browser.value<string>('getComputedStyle(document.body).backgroundColor'));
      expect(await browser.value<number>('document.documentElement.scrollWidth')).toBe(360);
    }
    expect(new Set(backs).size).toBe(2);
  });

  it('finds the station again that was away', async () => {
    const url = await station('api: { listen: "127.0.0.1:0" }');
    await browser.open(url);
    await shows('#link', 'live');
    const { port } = new URL(url);
    running[0]!.kill('SIGKILL');
    await shows('#link', 'lost');
    expect(await station(`api: { listen: "127.0.0.1:${port}" }`)).toBe(url);
    await shows('#link', /^live$/);
  });

  it('asks for the token over TLS, and keeps it out of every address', async () => {
    const authority = createAuthority();
    const { cert, key } = authority.issue('localhost');
    authority.remove();
    for (const [name, held] of Object.entries({ 'cert.pem': cert, 'key.pem': key, token: TOKEN }))
      writeFileSync(join(directory, name), held, { mode: 0o600 });
    const url = await station(
      'api: { listen: "0.0.0.0:0", cert_file: cert.pem, key_file: key.pem, token_file: token }',
    );
    const before = browser.requested.length;
    await browser.open(url.replace('0.0.0.0', 'localhost'));
    await until('the login is open', () => browser.value<boolean>(`document.querySelector('#login')?.open === true`));
    expect(await text('#device')).toBe('Sedge');
    const enter = (token: string) =>
      browser.value(`token.value = ${JSON.stringify(token)}; document.querySelector('#login button').click()`);
    await enter('wrong-wrong-wrong-wrong');
    await shows('#login-error', 'not the one');
    await enter(TOKEN);
    await shows('#device', 'greenhouse-1');
    await shows('#link', 'live');
    expect(browser.requested.slice(before).join('\n')).not.toContain(TOKEN);
  });
});
