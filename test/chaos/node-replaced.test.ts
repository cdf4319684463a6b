import { afterEach, beforeEach, test } from 'vitest'
import { isLong, summary, tell } from './support/report.js'
import { Stage } from './support/stage.js'

const REPLACEMENTS = isLong ? 20 : 3
/** Of each of four senders. */
const PER_SECOND = isLong ? 2_000 : 500

let stage: Stage
beforeEach(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.stop())

test(`when a node is killed and replaced ${REPLACEMENTS} times under load, the others lose nothing of each other's`, {
  timeout: 300_000,
}, async () => {
  const lasting = await Promise.all(['a', 'b'].map((name) => stage.addNode(name)))
  await stage.addEmitter('e')
  await Promise.all(lasting.map((node) => stage.addClients(node, 2)))
  let mortal = await stage.addNode('mortal 0')
  let ofMortal = await stage.addClients(mortal, 2)
  await stage.settled()
  await stage.startLoad(PER_SECOND)
  for (let time = 1; time <= REPLACEMENTS; time++) {
    await stage.heard(200)
    await stage.killNode(mortal, ofMortal)
    mortal = await stage.addNode(`mortal ${time}`)
    await stage.startLoad(PER_SECOND, [mortal])
    ofMortal = await stage.addClients(mortal, 2)
    await stage.settled()
  }
  await stage.heard(200)
  const figures = await stage.expectNothingLost()
  tell(`a node killed and replaced ${REPLACEMENTS} times: ${summary(figures)}`)
})
