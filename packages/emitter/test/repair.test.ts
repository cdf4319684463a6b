import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Figures, simulate } from './simulation.js'

/** One schedule is run again by its seed, `SIMULATION_SEED`, and tells its story. */
const SEED = process.env.SIMULATION_SEED
/** How many random schedules are run. */
const RUNS = Number(process.env.SIMULATION_RUNS ?? 10_000)
const MAX_MS_A_RUN = 10

describe('journal, inbox and digests on a network that loses, repeats and delays', () => {
  it.runIf(SEED === undefined)(
    `keep their guarantees in ${RUNS} random schedules`,
    async () => {
      const base = Math.floor(Math.random() * 0x1_0000_0000)
      for (let run = 0; run < RUNS; run++) {
        const seed = (base + run) >>> 0
        try {
          simulate(seed)
        } catch (error) {
          throw new Error(`${(error as Error).message}\nrun it again: SIMULATION_SEED=${seed}`, {
            cause: error,
          })
        }
        if (run % 500 === 0) await nextTurn()
      }
    },
    30_000 + RUNS * MAX_MS_A_RUN,
  )
})
