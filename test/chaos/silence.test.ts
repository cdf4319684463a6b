import { setTimeout as sleep } from 'node:timers/promises'
import { describe, type TestContext, test } from 'vitest'
import type { BrokerOptions } from 'zmq-broker'
import { freePort } from '../support/ports.js'
import { isLong, summary, tell } from './support/report.js'
import { type Node, type Sender, Stage } from './support/stage.js'
import { Tunnel } from './support/tunnel.js'

const ROUNDS = isLong ? 20 : 3
const FRAMES = 200

async function startStage(context: TestContext, broker: BrokerOptions = {}): Promise<Stage> {
  const stage = await Stage.start({ broker })
  context.onTestFinished(() => stage.stop())
  return stage
}

/** Says messages in frames of their own, and then nothing more. */
function sayAndFallSilent(sender: Sender, frames = FRAMES, filler = ''): Promise<void> {
  return sender.run(
    async ({ load }, { frames, filler }) => {
      load.filler = filler
      await load.sayInFrames(frames, 1)
    },
    { frames, filler },
  )
}

// side by side, because the last of them mostly waits
describe.concurrent('what was said last comes, though nothing follows,', {
  timeout: 300_000,
}, () => {
  test('when the broker died', async (context) => {
    const stage = await startStage(context)
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
    const figures = await stage.expectNothingLost()
    tell(`silence after the broker died, ${ROUNDS} times: ${summary(figures)}`)
  })

  test('when a connection was cut', async (context) => {
    const stage = await startStage(context)
    const [broker] = stage.brokers
    const pub = await Tunnel.open(await freePort(), broker!.pub)
    const sub = await Tunnel.open(await freePort(), broker!.sub)
    context.onTestFinished(async () => void (await Promise.all([pub.refuse(), sub.refuse()])))
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
    const figures = await stage.expectNothingLost()
    tell(`silence after a connection was cut, ${2 * ROUNDS} times: ${summary(figures)}`)
  })

  test('when a node was frozen, and the broker had to drop it', async (context) => {
    const stage = await startStage(context, { subHighWaterMark: 100 })
    const sender = await stage.addNode('sender')
    const frozen = await stage.addNode('frozen')
    await stage.addClients(frozen, 1)
    await stage.settled()
    frozen.signal('SIGSTOP')
    // more than the kernel and the broker keep, and less than the journal does
    await sayAndFallSilent(sender, 2_000, 'x'.repeat(10_000))
    // longer than the sender soon repeats where it stands, and shorter than the heartbeats bear
    await sleep(4_500)
    frozen.signal('SIGCONT')
    await stage.heard()
    const figures = await stage.expectNothingLost()
    tell(`silence after a node was frozen: ${summary(figures)}`)
  })
})
