import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Test files start brokers, nodes and browsers as processes: side by side they starve each other.
    fileParallelism: false,
    reporters: ['default', './test/reporters/summary.ts'],
    // The packages as they are published: run by Node itself, not transformed by Vite.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    exclude: [...configDefaults.exclude, '**/dist/**'],
    projects: [
      {
        extends: true,
        test: {
          name: 'static',
          include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'bench/test/*.test.ts'],
        },
      },
      {
        // the whole system once more, with servers that hear only what is for their rooms
        extends: true,
        test: {
          name: 'dynamic',
          include: ['test/{adapter,emitter,chaos}/*.test.ts'],
          env: { SUBSCRIPTION_MODE: 'dynamic' },
        },
      },
    ],
  },
})
