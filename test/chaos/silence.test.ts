import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, test } from 'vitest'
import { freePort } from './support/ports.js'
import { isLong, summary, tell } from './support/report.js'
import { type Node, type Sender, Stage } from './support/stage.js'
import { Tunnel } from './support/tunnel.js'

const ROUNDS = isLong ? 20 : 3
const FRAMES = 200

let stage: Stage
beforeEach(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.stop())

/** Says messages in frames of their own, and then nothing more. */
const sayAndFallSilent = (sender: Sender, frames = FRAMES, filler = '') =>
  sender.run(
    async ({ load }, { frames, filler }) => {
      load.filler = filler
      await load.sayInFrames(frames, 1)
    },
    { frames, filler },
  )

test('what was said last before the broker died comes, though nothing follows', {
  timeout: 300_000,
}, async () => {
  const nodes = await Promise.all(['a', 'b'].map((name) => stage.addNode(name)))
  await stage.addEmitter('e')
  await Promise.all(nodes.map((node) => stage.addClients(node, 1)))
  await stage.settled()
  for (let round = 0; round < ROUNDS; round++) {
    const saying = Promise.all(stage.senders.map((sender) => sayAndFallSilent(sender)))
    await stage.killBroker()
    await saying
    await stage.restartBroker()
    await stage.heard()
  }
  tell(
    `silence after the broker died, ${ROUNDS} times: ${summary(await stage.expectNothingLost())}`,
  )
})

test('what was said last before a connection was cut comes, though nothing follows', {
  timeout: 300_000,
}, async () => {
  const [broker] = stage.brokers
  const pub = await Tunnel.open(await freePort(), broker!.pub)
  const sub = await Tunnel.open(await freePort(), broker!.sub)
  const brokers = [{ pub: `tcp://127.0.0.1:${pub.port}`, sub: `tcp://127.0.0.1:${sub.port}` }]
  const nodes: Node[] = [
    await stage.addNode('near'),
    await stage.addNode('far', { zmq: { brokers } }),
  ]
  await Promise.all(nodes.map((node) => stage.addClients(node, 1)))
  await stage.settled()
  for (let round = 0; round < ROUNDS; round++) {
    for (const tunnel of [pub, sub]) {
      // what is under way goes down with the connection
      tunnel.hold()
      await Promise.all(nodes.map((node) => sayAndFallSilent(node)))
      tunnel.cut()
      tunnel.release()
      await stage.heard()
    }
  }
  tell(
    `silence after a connection was cut, ${2 * ROUNDS} times: ` +
      summary(await stage.expectNothingLost()),
  )
  await Promise.all([pub.refuse(), sub.refuse()])
})

test('what was said to a frozen node comes when it thaws, though its broker had to drop the last of it', {
  timeout: 300_000,
}, async () => {
  await stage.stop()
  stage = await Stage.start({ broker: { subHighWaterMark: 100 } })
  const sender = await stage.addNode('sender')
  const frozen = await stage.addNode('frozen')
  await stage.addClients(frozen, 1)
  await stage.settled()
  frozen.signal('SIGSTOP')
  // more than the kernel and the broker keep, and less than the journal does
  await sayAndFallSilent(sender, 2_000, 'x'.repeat(10_000))
  await sleep(4_500)
  frozen.signal('SIGCONT')
  await stage.heard()
  tell(`silence after a node was frozen: ${summary(await stage.expectNothingLost())}`)
})
