import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'bench/test/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Test files start brokers, nodes and browsers as processes: side by side they starve each other.
    fileParallelism: false,
    reporters: ['default', './test/reporters/summary.ts'],
    // The packages as they are published: run by Node itself, not transformed by Vite.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
  },
})
