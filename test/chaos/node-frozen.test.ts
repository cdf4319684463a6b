import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, test } from 'vitest'
import { isLong, summary, tell } from './support/report.js'
import { Stage } from './support/stage.js'

const FROZEN_MS = 10_000
const TIMES = isLong ? 5 : 1
/** Of each of four senders. */
const PER_SECOND = isLong ? 2_000 : 500

let stage: Stage
beforeEach(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.stop())

test(`a node frozen for ${FROZEN_MS / 1_000} s under load holds up nobody, and gets everything when it thaws`, {
  timeout: 300_000,
}, async () => {
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => stage.addNode(name)))
  await stage.addEmitter('e')
  const [ofA, ofB] = await Promise.all(nodes.map((node) => stage.addClients(node, 2)))
  const frozen = nodes[2]!
  await stage.settled()
  await stage.startLoad(PER_SECOND)
  await stage.heard(100)
  for (let time = 0; time < TIMES; time++) {
    frozen.signal('SIGSTOP')
    await stage.measureLatency([...ofA!, ...ofB!])
    await sleep(FROZEN_MS)
    const { p50, p99, max } = await stage.takeLatency()
    frozen.signal('SIGCONT')
    await stage.heard(100)
    tell(
      `while a node was frozen for ${FROZEN_MS / 1_000} s, the clients of the others heard ` +
        `each message after ${p50.toFixed(1)} ms (p50), ${p99.toFixed(1)} ms (p99), ` +
        `${max.toFixed(1)} ms (max)`,
    )
  }
  const figures = await stage.expectNothingLost()
  tell(`node frozen and thawed: ${summary(figures)}`)
})
