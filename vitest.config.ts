import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two workers, as many as the machine that counts has cores.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    coverage: { include: ['src/**'], exclude: ['src/**/*.test.ts'] },
  },
});
