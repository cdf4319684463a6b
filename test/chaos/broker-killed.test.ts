import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { count, isLong, summary, tell } from './support/report.js'
import { Stage } from './support/stage.js'

const KILLS = isLong ? 60 : 10
const OUTAGE_MS = 20_000
/** Of each of three senders. */
const PER_SECOND = isLong ? 2_000 : 1_000

let stage: Stage
beforeEach(async () => {
  stage = await Stage.start()
  const [a, b] = await Promise.all([stage.addNode('a'), stage.addNode('b')])
  await stage.addEmitter('e')
  await Promise.all([stage.addClients(a, 2), stage.addClients(b, 2)])
  await stage.settled()
  await stage.startLoad(PER_SECOND)
  await stage.heard(100)
})
afterEach(() => stage.stop())

test(`a broker killed and restarted ${KILLS} times under load loses nothing`, {
  timeout: 600_000,
}, async () => {
  for (let kill = 1; kill <= KILLS; kill++) {
    await stage.killBroker()
    await stage.restartBroker()
    await stage.settled()
    // every other time it dies again while what was missed is still being sent
    if (kill % 2 === 0) await stage.heard(randomInt(500))
  }
  const figures = await stage.expectNothingLost()
  tell(`broker killed ${KILLS} times: ${summary(figures)}`)
})

test(`a broker that is away for ${OUTAGE_MS / 1_000} s under load loses nothing`, {
  timeout: 300_000,
}, async () => {
  await stage.killBroker()
  await stage.linksAreDown()
  await sleep(OUTAGE_MS)
  const waiting = await Promise.all(
    stage.senders.map((sender) => sender.run(({ zmq }) => zmq.stats())),
  )
  for (const { messagesHeld, journalBytes } of waiting) {
    expect(messagesHeld).toBeGreaterThan((OUTAGE_MS / 1_000) * PER_SECOND * 0.25)
    expect(journalBytes).toBeGreaterThan(messagesHeld * 20)
  }
  await stage.restartBroker()
  const began = performance.now()
  await stage.heard()
  const caughtUpMs = performance.now() - began
  const figures = await stage.expectNothingLost()
  const held = waiting.reduce((sum, { messagesHeld }) => sum + messagesHeld, 0)
  tell(
    `broker away for ${OUTAGE_MS / 1_000} s: ${summary(figures)}; ` +
      `${count(held)} waited and had come ${count(caughtUpMs)} ms after it was back`,
  )
})
