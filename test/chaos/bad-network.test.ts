import { randomInt } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePort } from '../support/ports.js'
import { until } from '../support/until.js'
import { isLong, summary, tell } from './support/report.js'
import { Stage } from './support/stage.js'
import { Tunnel } from './support/tunnel.js'

const ROUNDS = isLong ? 20 : 2
/** Of each of three senders. */
const PER_SECOND = isLong ? 2_000 : 500
const MAX_DELAY_MS = 200

let stage: Stage
let pub: Tunnel
let sub: Tunnel
beforeEach(async () => {
  stage = await Stage.start()
  const [broker] = stage.brokers
  pub = await Tunnel.open(await freePort(), broker!.pub)
  sub = await Tunnel.open(await freePort(), broker!.sub)
})
afterEach(async () => {
  await stage.stop()
  await Promise.all([pub.refuse(), sub.refuse()])
})

test('connections between a node and the broker are cut, delayed, refused and held up, and nothing is lost', {
  timeout: 600_000,
}, async () => {
  const near = await stage.addNode('near')
  const far = await stage.addNode('far', {
    zmq: {
      brokers: [{ pub: `tcp://127.0.0.1:${pub.port}`, sub: `tcp://127.0.0.1:${sub.port}` }],
      // a connection that is held up is noticed by these alone
      heartbeatIntervalMs: 200,
      heartbeatTimeoutMs: 1_000,
      memberGraceMs: 300,
    },
  })
  await stage.addEmitter('e')
  const ofNear = await stage.addClients(near, 2)
  await stage.addClients(far, 2)
  await stage.settled()
  await stage.startLoad(PER_SECOND)
  await stage.heard(100)

  /** Does harm, and waits until the far node has noticed. */
  const notice = async (...harms: (() => unknown)[]) => {
    const linksLost = () => far.run(({ diary }) => diary.linksLost)
    const before = await linksLost()
    for (const harm of harms) await harm()
    await until(async () => (await linksLost()) > before, { what: () => 'the far link is lost' })
  }
  const delay = (ms: number) => {
    pub.delayMs = ms
    sub.delayMs = ms
  }
  const troubles: (() => Promise<void>)[] = [
    () => notice(() => sub.cut()),
    () => notice(() => pub.cut()),
    () =>
      notice(
        () => sub.cut(),
        () => pub.cut(),
      ),
    async () => {
      delay(randomInt(20, MAX_DELAY_MS))
      await stage.heard(100)
      delay(randomInt(20))
    },
    async () => {
      delay(randomInt(20, MAX_DELAY_MS))
      await notice(
        () => sub.cut(),
        () => pub.cut(),
      )
      await stage.heard()
      delay(0)
    },
    async () => {
      await notice(
        () => pub.refuse(),
        () => sub.refuse(),
      )
      await stage.heard(PER_SECOND, ofNear, [near])
      await Promise.all([pub.accept(), sub.accept()])
    },
    async () => {
      await notice(() => sub.hold())
      sub.release()
    },
    async () => {
      await notice(() => pub.hold())
      pub.release()
    },
  ]
  for (let round = 1; round <= ROUNDS; round++) {
    for (const trouble of troubles) {
      await trouble()
      await stage.settled()
      // in every second round there is new trouble before what was missed has come
      if (round % 2 === 1) await stage.heard(50)
    }
  }
  const figures = await stage.expectNothingLost()
  // the near node was there all the time
  expect(await far.run(({ diary }) => diary.membersLost)).toBe(0)
  tell(
    `connections cut, delayed, refused and held up, ${ROUNDS * troubles.length} times: ` +
      summary(figures),
  )
})
