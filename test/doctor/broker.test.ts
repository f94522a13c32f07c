/** The doctor before real brokers: Mosquitto with passwords and access rules, and TLS with certificates of every sort. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { hasMosquitto, NO_MOSQUITTO, startMosquitto } from '../mosquitto.ts';
import { type FakeBoard, fakeBoard, HEALTHY, type Told } from './board.ts';

let board: FakeBoard;
const cleanUps: (() => unknown)[] = [];
beforeEach(async () => {
  board = await fakeBoard();
  board.machine.clock = systemClock;
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  await board.close();
});

/** What is said of the uplink with this URL; `keys` are put beside it. */
async function told(url: string, keys = ''): Promise<readonly Told[]> {
  board.config(
    HEALTHY(url)
      .replace('type: mqtt,', `type: mqtt, ${keys}`)
      .replace(/ {2}(air|lamp):.*\n/g, ''),
  );
  return (await board.ask()).told.filter(({ check }) => check === 'uplinks.cloud');
}

describe.skipIf(!hasMosquitto)(`with Mosquitto${hasMosquitto ? '' : ` (${NO_MOSQUITTO})`}`, () => {
  async function mosquitto(lines: readonly string[] = [], files: Readonly<Record<string, string>> = {}) {
    const broker = await startMosquitto({ lines, files });
    cleanUps.push(() => broker.close());
    return broker;
  }

  it('a message goes there and back', async () => {
    const { url } = await mosquitto();
    expect(await told(url)).toEqual([
      { check: 'uplinks.cloud', state: 'ok', message: expect.stringMatching(/^MQTT 5: .*acknowledged and came back$/) },
    ]);
  });

  it('a missing password is a fault of the login', async () => {
    const { url } = await mosquitto(['allow_anonymous false']);
    expect(await told(url)).toMatchObject([
      {
        state: 'fault',
        message: expect.stringMatching(/does not authorise|does not accept/),
        fix: expect.stringContaining('username'),
      },
    ]);
  });

  it('access rules that forbid writing are a fault, with the rule to add', async () => {
    const { url } = await mosquitto(['acl_file %d/acl'], { acl: 'topic read sedge/#\n' });
    expect(await told(url)).toMatchObject([
      { state: 'fault', fix: 'add "topic write sedge/greenhouse-1/#" to the broker\'s access rules for this user' },
    ]);
  });

  it('access rules that forbid reading are a warning', async () => {
    const { url } = await mosquitto(['acl_file %d/acl'], { acl: 'topic write sedge/#\n' });
    expect(await told(url)).toMatchObject([
      { state: 'warning', message: expect.stringContaining('may not read it back') },
    ]);
  });
});

describe('with TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-certificates-'));
  const file = (name: string) => readFileSync(join(directory, name), 'utf8');
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

  beforeAll(() => {
    openssl('req', '-x509', ...KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '365', '-subj', '/CN=Test CA');
    for (const [name, host, days] of [
      ['good', 'localhost', '300'],
      ['other', 'broker.example', '300'],
      ['short', 'localhost', '5'],
      ['old', 'broker.example', '300'],
      ['nameless', '', '300'],
    ] as const) {
      // As people made them before names moved out of the subject.
      const names = [
        '-subj',
        host === '' ? '/O=Hut' : `/CN=${host}`,
        ...(name === 'old' || name === 'nameless' ? [] : ['-addext', `subjectAltName=DNS:${host}`]),
      ];
      openssl('req', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, ...names);
      const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', days, '-copy_extensions', 'copy'];
      openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signing);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  /** Somebody who speaks TLS with this certificate, and not MQTT. */
  async function server(name: string): Promise<string> {
    const tls = createServer({ key: file(`${name}.key`), cert: file(`${name}.pem`) }, (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.destroy());
    });
    tls.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    cleanUps.push(() => new Promise((resolve) => tls.close(resolve)));
    return `mqtts://localhost:${(tls.address() as AddressInfo).port}`;
  }
  const trusting = () => {
    writeFileSync(join(board.cwd, 'ca.pem'), file('ca.pem'));
    return 'ca_file: ./ca.pem,';
  };
  const at = (days: number) => {
    board.machine.clock = { ...systemClock, now: () => Date.now() + days * 86_400_000 };
  };

  it('an authority that is not known here is a fault', async () =>
    expect(await told(await server('good'))).toMatchObject([
      {
        state: 'fault',
        message: expect.stringContaining('signed by nobody who is known here'),
        fix: "copy the broker's authority to /etc/sedge/ca.pem and set ca_file: /etc/sedge/ca.pem",
      },
    ]));

  it('a certificate for another name is a fault, and the name is said', async () => {
    const url = await server('other');
    expect(await told(url, trusting())).toMatchObject([
      {
        state: 'fault',
        message: 'the certificate is for broker.example, not for localhost',
        fix: `set url: "${url.replace('localhost', 'broker.example')}"`,
      },
    ]);
  });

  it('a certificate with another common name only is a fault, and the name is said', async () => {
    const url = await server('old');
    expect(await told(url, trusting())).toMatchObject([
      {
        state: 'fault',
        message: 'the certificate is for broker.example, not for localhost',
        fix: `set url: "${url.replace('localhost', 'broker.example')}"`,
      },
    ]);
  });

  it('a certificate without a name is a fault, and how to make a better one is said', async () =>
    expect(await told(await server('nameless'), trusting())).toMatchObject([
      {
        state: 'fault',
        message: 'the certificate is for no name, not for localhost',
        fix: 'make the certificate again with -addext subjectAltName=DNS:localhost',
      },
    ]));

  it('a clock from before the certificate is a fault of the clock', async () => {
    at(-700);
    expect(await told(await server('good'), trusting())).toMatchObject([
      {
        state: 'fault',
        message: expect.stringMatching(/is valid from 20\d\d-\d\d-\d\d, and the clock here says/),
        fix: 'sudo timedatectl set-ntp true',
      },
    ]);
  });

  it('a certificate that has ended is a fault', async () => {
    at(301);
    expect(await told(await server('good'), trusting())).toMatchObject([
      {
        state: 'fault',
        message: expect.stringMatching(/ended on/),
        fix: 'renew the certificate of localhost; if the date here is wrong: sudo timedatectl set-ntp true',
      },
    ]);
  });

  it('one that ends within two weeks is a warning, and the rest is looked at', async () =>
    expect(await told(await server('short'), trusting())).toMatchObject([
      { state: 'warning', message: expect.stringMatching(/ends on/), fix: 'renew the certificate of localhost' },
      { state: 'fault', message: expect.stringContaining('closed the connection before it answered') },
    ]));

  it('a port without TLS is a fault, with the URL that fits', async () => {
    const { port } = board.broker;
    expect(await told(`mqtts://localhost:${port}`)).toMatchObject([
      {
        state: 'fault',
        message: expect.stringContaining('does not speak TLS'),
        fix: expect.stringContaining(`set url: "mqtt://localhost:${port}"`),
      },
    ]);
  });
});
