import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { COMPRESSIONS } from '../../src/config/types.ts';
import { codeOf } from '../../src/errors.ts';
import { textOf } from '../../src/receive/inflate.ts';
import { contentTypeOf, loadCompression } from '../../src/uplink/compress.ts';

const TEXT = '{"format":1,"device":"µ"}';

describe('the text of a payload', () => {
  it.each(COMPRESSIONS)('is what went in, with compress: %s', async (name) => {
    const compress = await loadCompression(name);
    expect(textOf(Buffer.from(await compress(TEXT)))).toBe(TEXT);
  });

  it('is told with its coding in one name', () => {
    expect(contentTypeOf('application/json', 'none')).toBe('application/json');
    expect(contentTypeOf('application/json', 'gzip')).toBe('application/json@gzip');
  });

  it.each([
    ['gzip', gzipSync],
    ['zlib', deflateSync],
  ] as const)('is never inflated beyond a bound: %s', (_name, pack) => {
    const bomb = pack(Buffer.alloc(64_000_000));
    expect(bomb.length).toBeLessThan(100_000);
    expect(() => textOf(bomb)).toThrow(expect.objectContaining({ code: 'receive.malformed' }));
  });

  it('is refused when it is cut off or damaged', () => {
    const packed = gzipSync(TEXT);
    for (const bytes of [packed.subarray(0, -9), Buffer.concat([packed.subarray(0, 12), Buffer.alloc(20, 7)])]) {
      try {
        textOf(bytes);
        expect.unreachable();
      } catch (error) {
        expect(codeOf(error)).toBe('receive.malformed');
      }
    }
  });

  it('that is neither is left as it is', () => {
    expect(textOf(Buffer.from('x'))).toBe('x');
    expect(textOf(Buffer.alloc(0))).toBe('');
  });
});
