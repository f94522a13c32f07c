/** Headless Chromium, driven over the DevTools protocol: what a page shows, logs and asks for. Needs the package `chromium`. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';

const PROGRAM = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
);
export const hasBrowser = PROGRAM !== undefined;

interface ProtocolMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

export interface Browser {
  /** Addresses that were asked for. */
  readonly requested: readonly string[];
  /** Errors and warnings on the console, uncaught ones too. */
  readonly complaints: readonly string[];
  open(url: string): Promise<void>;
  size(width: number, height: number): Promise<void>;
  scheme(scheme: 'dark' | 'light'): Promise<void>;
  /** The value of an expression in the page. */
  value<T>(expression: string): Promise<T>;
  screenshot(): Promise<Buffer>;
  close(): Promise<void>;
}

export async function openBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'sedge-browser-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  const network = ['--disable-background-networking', '--ignore-certificate-errors', '--remote-debugging-port=0'];
  const child = spawn(PROGRAM!, [...flags, ...network, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  process.once('exit', () => child.kill('SIGKILL'));
  const address = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (bytes) => {
      said += bytes;
      const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (found) resolve(found);
    });
    child.once('close', () => reject(new Error(`Chromium ended: ${said}`)));
  });
  const socket = new WebSocket(address);
  await new Promise((resolve) => socket.once('open', resolve));

  const waiting = new Map<number, (message: ProtocolMessage) => void>();
  const requested: string[] = [];
  const complaints: string[] = [];
  let sent = 0;
  let sessionId: string | undefined;
  const send = (method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> =>
    new Promise((resolve, reject) => {
      sent += 1;
      waiting.set(sent, ({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result ?? {})));
      socket.send(JSON.stringify({ id: sent, method, params, ...(sessionId && { sessionId }) }));
    });
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as ProtocolMessage;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    const params = JSON.stringify(message.params);
    if (message.method === 'Network.requestWillBeSent')
      requested.push((message.params as { readonly request: { readonly url: string } }).request.url);
    if (message.method === 'Network.webSocketCreated') requested.push(String(message.params?.url));
    if (message.method === 'Runtime.exceptionThrown') complaints.push(params);
    if (message.method === 'Log.entryAdded' && /"level":"(error|warning)"/.test(params)) complaints.push(params);
    if (message.method === 'Runtime.consoleAPICalled' && /"type":"(error|warning)"/.test(params))
      complaints.push(params);
  });
  const { targetInfos } = (await send('Target.getTargets')) as {
    readonly targetInfos: readonly { readonly type: string; readonly targetId: string }[];
  };
  const targetId = targetInfos.find(({ type }) => type === 'page')?.targetId;
  sessionId = String((await send('Target.attachToTarget', { targetId, flatten: true })).sessionId);
  for (const domain of ['Log', 'Runtime', 'Page', 'Network']) await send(`${domain}.enable`);

  return {
    requested,
    complaints,
    async open(url) {
      await send('Page.navigate', { url });
    },
    async size(width, height) {
      await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 500 });
    },
    async scheme(value) {
      await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });
    },
    async value<T>(expression: string) {
      const { result } = await send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
      return (result as { readonly value: T }).value;
    },
    screenshot: async () =>
      Buffer.from(String((await send('Page.captureScreenshot', { format: 'png' })).data), 'base64'),
    async close() {
      socket.terminate();
      child.kill('SIGKILL');
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
