import { defineConfig } from 'vitest/config'
import config from './vitest.config.js'

const include = ['test/chaos/*.{test,long}.ts']
const env = { CHAOS_LONG: '1' }

/** `npm run chaos`: the tests in which processes die, longer and harder than `npm test` has them. */
export default defineConfig({
  test: {
    ...config.test,
    projects: [
      { extends: true, test: { name: 'static', include, env } },
      {
        extends: true,
        test: { name: 'dynamic', include, env: { ...env, SUBSCRIPTION_MODE: 'dynamic' } },
      },
    ],
  },
})
