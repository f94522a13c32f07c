import { defineConfig } from 'vitest/config';

/** `npm run test:board`: the program on real kernel interfaces. One board, so one file at a time. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/board/*.test.ts'],
    reporters: [['default', { summary: false }], './test/closing-line.ts'],
    globalSetup: './test/board/global-setup.ts',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    bail: 0,
    pool: 'forks',
  },
});
