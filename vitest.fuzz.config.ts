import { defineConfig } from 'vitest/config'
import config from './vitest.config.js'

/** How many inputs each of the three suites takes. */
const INPUTS = 1_000_000

/** `npm run fuzz`: the fuzzed tests of `npm test`, with many more inputs. */
export default defineConfig({
  test: {
    ...config.test,
    projects: [
      {
        extends: true,
        test: {
          name: 'fuzz',
          include: ['packages/*/test/fuzz/*.test.ts'],
          env: { FUZZ_INPUTS: process.env.FUZZ_INPUTS ?? String(INPUTS) },
        },
      },
    ],
  },
})
