/** Version and date of this build. The bundler puts them in; run from source they are the package's and the file's own. */
declare const SEDGE_VERSION: string | undefined;
declare const SEDGE_BUILT_AT_MS: number | undefined;

export const VERSION: string = typeof SEDGE_VERSION === 'string' ? SEDGE_VERSION : '0.0.0-source';

/** Unix ms. No clock that is set can be before it. Run from source: the start of the year of the first release. */
export const BUILT_AT_MS: number = typeof SEDGE_BUILT_AT_MS === 'number' ? SEDGE_BUILT_AT_MS : Date.UTC(2026, 0, 1);
