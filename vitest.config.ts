import { defineConfig } from 'vitest/config';

const node = { environment: 'node' as const, pool: 'forks' as const };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...node,
          name: 'unit',
          include: ['src-main/**/*.test.ts', 'src-renderer/**/*.test.{ts,tsx}', 'tools/**/*.test.ts'],
        },
      },
      {
        // Real programs, network namespaces and virtual machines: one file at a time, generous limits.
        test: {
          ...node,
          name: 'interop',
          include: ['test/{interop,e2e,fuzz}/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
