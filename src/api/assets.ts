/**
 * The page's files, made by scripts/build.mjs. Read when they are asked for and then forgotten: a person looks now and then,
 * memory is held for ever.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

declare const SEDGE_VERSION: string | undefined;
/** Built, this is dist/sedge.cjs; run from source it is a file of src/api, and dist/ must have been built. */
const DIRECTORY =
  typeof SEDGE_VERSION === 'string' ? import.meta.dirname : join(import.meta.dirname, '..', '..', 'dist');

interface Asset {
  readonly file: string;
  readonly type: string;
}
const ASSETS: Readonly<Record<string, Asset>> = {
  '/': { file: 'page.html', type: 'text/html; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
  '/page.svg': { file: 'page.svg', type: 'image/svg+xml' },
};

export const assetAt = (path: string): Asset | undefined => (Object.hasOwn(ASSETS, path) ? ASSETS[path] : undefined);

export const readAsset = ({ file }: Asset): Promise<Buffer> => readFile(join(DIRECTORY, file));
