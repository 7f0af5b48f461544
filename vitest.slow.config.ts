import { defineConfig } from 'vitest/config';

/** Tests of minutes, and those that need data from outside the repository. */
export default defineConfig({
  test: {
    include: ['test/slow/**/*.test.ts', 'test/search/faiss.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
});
