/** The section `api`: what it becomes, and that nothing which others can reach is open by mistake. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatProblem, parseConfig } from '../../src/config/load.ts';
import { createAuthority } from '../certificates.ts';
import { drivers } from './help.ts';

const directory = mkdtempSync(join(tmpdir(), 'sedge-api-'));
const TOKEN = '0123456789abcdef0123456789abcdef';
beforeAll(() => {
  const authority = createAuthority();
  const { cert, key } = authority.issue('station');
  authority.remove();
  const files = {
    'cert.pem': cert,
    'key.pem': key,
    token: `${TOKEN}\n`,
    short: 'secret\n',
    spaced: 'two words of a token here',
    open: TOKEN,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text, { mode: 0o600 });
  writeFileSync(join(directory, 'all'), TOKEN, { mode: 0o644 });
});
afterAll(() => rmSync(directory, { recursive: true }));

async function parse(api: string) {
  const parsed = await parseConfig(`version: 1\ndevice: d\napi: ${api}\n`, {
    env: {},
    cwd: directory,
    drivers,
    hostname: 'd',
  });
  return 'problems' in parsed ? parsed.problems.map(formatProblem) : parsed.config;
}
const wrong = async (api: string) => {
  const said = await parse(api);
  return Array.isArray(said) ? said.join('\n') : 'no problem';
};

describe('api', () => {
  it('is off unless it is there', async () => {
    const parsed = await parseConfig('version: 1\n', { env: {}, cwd: directory, drivers, hostname: 'd' });
    expect('config' in parsed && parsed.config.api).toBe(undefined);
  });

  it('listens on loopback without more', async () => {
    for (const [listen, host] of [
      ['127.0.0.1:8080', '127.0.0.1'],
      ['localhost:8080', 'localhost'],
      ['[::1]:8080', '::1'],
    ])
      expect(await parse(`{ listen: "${listen}" }`)).toMatchObject({ api: { listen, host, port: 8080, hosts: [] } });
  });

  it.each(['0.0.0.0:8080', '192.168.1.5:8080', '[::]:8080', 'station.lan:8080'])(
    'is refused at %s without TLS and a token, and says what to add',
    async (listen) => {
      expect(await wrong(`{ listen: "${listen}" }`)).toBe(
        `3:16: api.listen: can be reached from other machines: add \`cert_file\` and \`key_file\` and \`token_file\`, or write 127.0.0.1:8080`,
      );
      expect(await wrong(`{ listen: "${listen}", cert_file: cert.pem, key_file: key.pem }`)).toContain(
        'add `token_file`,',
      );
      expect(await wrong(`{ listen: "${listen}", token_file: token }`)).toContain('add `cert_file` and `key_file`,');
    },
  );

  it('listens for others with all three', async () => {
    const config = await parse(
      '{ listen: "192.168.1.5:8443", cert_file: cert.pem, key_file: key.pem, token_file: token, hosts: [Station.lan] }',
    );
    expect(config).toMatchObject({
      api: { token: TOKEN, hosts: ['station.lan'] },
      warnings: [/no sensors/].map(() => expect.any(String)),
    });
  });

  it.each([
    ['{ listen: 8080 }', 'api.listen'],
    ['{ listen: "127.0.0.1" }', 'write 127.0.0.1:8080'],
    ['{ listen: "127.0.0.1:99999" }', 'is not an address with a port'],
    ['{ listen: "::1:8080" }', 'is not an address with a port'],
    ['{}', 'api.listen: is missing'],
    ['{ listen: "127.0.0.1:80", cert_file: cert.pem }', '`cert_file` needs it'],
    ['{ listen: "127.0.0.1:80", token_file: nowhere }', 'is not there'],
    ['{ listen: "127.0.0.1:80", token_file: short }', 'openssl rand -hex 32'],
    ['{ listen: "127.0.0.1:80", token_file: spaced }', 'openssl rand -hex 32'],
    ['{ listen: "127.0.0.1:80", cert_file: token, key_file: key.pem }', 'holds no certificate'],
    ['{ listen: "127.0.0.1:80", hosts: ["https://x"] }', 'is not a host name'],
    ['{ listne: "127.0.0.1:80" }', 'did you mean `listen`?'],
  ])('%s: says %s', async (api, sentence) => {
    expect(await wrong(api)).toContain(sentence);
    expect(await wrong(api)).not.toContain('secret');
  });

  it('warns of a token that every user may read', async () => {
    expect(await parse('{ listen: "127.0.0.1:80", token_file: all }')).toMatchObject({
      warnings: expect.arrayContaining([expect.stringContaining('run chmod 600')]),
    });
  });
});
