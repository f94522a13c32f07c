import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/board/**', 'test/arm64/**'], // take minutes: npm run test:board, npm run test:arm64
    // The closing line is last: a count that any log reader can find.
    reporters: ['default', './test/closing-line.ts'],
    globalSetup: './test/runtime-directory.ts',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
