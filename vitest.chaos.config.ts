import { defineConfig, mergeConfig } from 'vitest/config'
import config from './vitest.config.js'

/** `npm run chaos`: the tests in which processes die, longer and harder than `npm test` has them. */
export default mergeConfig(
  { ...config, test: { ...config.test, include: [] } },
  defineConfig({
    test: {
      include: ['test/chaos/*.{test,long}.ts'],
      env: { CHAOS_LONG: '1' },
    },
  }),
)
