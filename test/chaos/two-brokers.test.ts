import { afterEach, beforeEach, test } from 'vitest'
import { isLong, summary, tell } from './support/report.js'
import { Stage } from './support/stage.js'
import { carriesAll } from './support/traffic.js'

const ROUNDS = isLong ? 20 : 2
/** Of each of three senders. */
const PER_SECOND = isLong ? 2_000 : 500

let stage: Stage
beforeEach(async () => {
  stage = await Stage.start({ brokers: 2 })
  const [a, b] = await Promise.all([stage.addNode('a'), stage.addNode('b')])
  await stage.addEmitter('e')
  await Promise.all([stage.addClients(a, 2), stage.addClients(b, 2)])
  await stage.settled()
})
afterEach(() => stage.stop())

test('of two brokers, one and then the other may die under load, and nothing is lost', {
  timeout: 300_000,
}, async () => {
  await stage.startLoad(PER_SECOND)
  for (const broker of stage.brokers) await carriesAll(stage, broker)
  for (let round = 0; round < ROUNDS; round++) {
    for (const broker of stage.brokers) {
      await stage.killBroker(broker)
      await stage.heard(PER_SECOND / 2)
      await stage.restartBroker(broker)
      await carriesAll(stage, broker)
    }
  }
  const figures = await stage.expectNothingLost()
  tell(`two brokers, each killed ${ROUNDS} times in turn: ${summary(figures)}`)
})

test('two brokers may die at once, and nothing is lost', { timeout: 300_000 }, async () => {
  await stage.startLoad(PER_SECOND)
  await stage.heard(100)
  await Promise.all(stage.brokers.map((broker) => stage.killBroker(broker)))
  await stage.linksAreDown()
  for (const broker of stage.brokers) await stage.restartBroker(broker)
  await stage.settled()
  await stage.heard(100)
  const figures = await stage.expectNothingLost()
  tell(`two brokers killed at once: ${summary(figures)}`)
})
