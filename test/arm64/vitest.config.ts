import { defineConfig } from 'vitest/config';

/** `npm run test:arm64`: the package for arm64, installed and run under emulation. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/arm64/*.test.ts'],
    reporters: [['default', { summary: false }], './test/closing-line.ts'],
    testTimeout: 300_000,
    hookTimeout: 1_200_000,
    pool: 'forks',
  },
});
