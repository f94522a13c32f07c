import { describe, expect, it } from 'vitest';
import { isLocalHost } from '../src/hosts.ts';

describe('a host of one’s own network', () => {
  it.each([
    'localhost',
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.9.9',
    '192.168.0.2',
    '169.254.1.1',
    '::1',
    'fd00::1',
    'fe80::1',
    'pi',
    'pi.local',
    'nas.home.arpa',
  ])('is %s', (host) => expect(isLocalHost(host)).toBe(true));
  it.each(['broker.example', '8.8.8.8', '172.32.0.1', '11.0.0.1', '2001:db8::1', 'local.example'])(
    'is not %s',
    (host) => expect(isLocalHost(host)).toBe(false),
  );
});
