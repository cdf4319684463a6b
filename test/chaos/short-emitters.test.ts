import { afterEach, beforeEach, expect, test } from 'vitest'
import { runScript } from '../support/script.js'
import { count, isLong, summary, tell } from './support/report.js'
import { Stage } from './support/stage.js'

const EMITTERS = isLong ? 300 : 30
const AT_ONCE = 5
const MESSAGES = 100
/** Every other emitter takes this long between its frames, so that the broker dies under some. */
const PAUSE_MS = 30
/** Of each node, meanwhile. */
const PER_SECOND = 200

let stage: Stage
beforeEach(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.stop())

test(`${EMITTERS} short-lived emitters lose nothing while the broker is killed and restarted`, {
  timeout: 600_000,
}, async () => {
  const nodes = await Promise.all(['a', 'b'].map((name) => stage.addNode(name)))
  await Promise.all(nodes.map((node) => stage.addClients(node, 2)))
  await stage.settled()
  await stage.startLoad(PER_SECOND)

  const said: Record<string, number> = {}
  const runner = async () => {
    while (Object.keys(said).length < EMITTERS) {
      const name = `emitter ${Object.keys(said).length + 1}`
      said[name] = MESSAGES
      const pauseMs = Object.keys(said).length % 2 === 0 ? 0 : PAUSE_MS
      const { code, signal, stderr } = await runScript(scriptOf(name, pauseMs))
      expect({ name, code, signal }, stderr).toEqual({ name, code: 0, signal: null })
    }
  }
  let areDone = false
  const emitters = Promise.all(Array.from({ length: AT_ONCE }, runner)).finally(() => {
    areDone = true
  })
  let kills = 0
  while (!areDone) {
    await stage.heard(100)
    await stage.killBroker()
    kills++
    await stage.restartBroker()
    await stage.settled()
  }
  await emitters
  const figures = await stage.expectNothingLost(said)
  tell(
    `${count(EMITTERS)} emitters of ${MESSAGES} messages each, broker killed ${kills} times ` +
      `meanwhile: ${summary(figures)}`,
  )
})

/** Says a hundred messages in ten frames, and leaves; on a busy machine a broker is seldom there. */
function scriptOf(name: string, pauseMs: number): string {
  return `
    import { setTimeout as sleep } from 'node:timers/promises'
    import { Emitter } from 'socket.io-zeromq-emitter'
    const emitter = new Emitter({ ...${JSON.stringify(stage.emitterOptions)}, closeTimeoutMs: 60_000 })
    for (let n = 1; n <= ${MESSAGES}; n++) {
      emitter.to('load').emit('said', ${JSON.stringify(name)}, n, Date.now(), '')
      if (n % 10 === 0) await sleep(${pauseMs})
    }
    await emitter.close()
  `
}
