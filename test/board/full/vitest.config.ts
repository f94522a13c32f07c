import { defineConfig, mergeConfig } from 'vitest/config';
import short from '../vitest.config.ts';

/** `npm run test:board:full`: what `npm run test:board` runs, and the long rest. `-- NAME` runs the files of that name only. */
export default mergeConfig(
  short,
  defineConfig({ test: { include: ['test/board/*.test.ts', 'test/board/full/*.test.ts'], testTimeout: 300_000 } }),
);
