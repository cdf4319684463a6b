import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestCluster } from '../support/cluster.js'
import { Listener } from '../support/listener.js'
import { until } from '../support/until.js'

let cluster: TestCluster
beforeEach(() => {
  cluster = new TestCluster()
})
afterEach(() => cluster.stop())

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Two brokers and two nodes; each frame comes by both. */
async function start() {
  await cluster.startBroker()
  await cluster.startBroker()
  const nodes = await Promise.all([cluster.startNode(), cluster.startNode()])
  await cluster.settled()
  const emitter = await cluster.startEmitter()
  await emitter.run(({ emitter }) => emitter.ready())
  const clients = await Promise.all(nodes.map((node) => Listener.connect(cluster, node)))
  // both ways are open when what each says comes twice
  const say = [
    () => emitter.run(({ emitter }) => void emitter.to('nobody').emit('knock')),
    ...nodes.map((node) => () => node.run(({ io }) => void io.to('nobody').emit('knock'))),
  ]
  for (const knock of say) await untilTwice(knock)
  return { nodes, emitter, clients }
}

/** Waits until a node gets something twice. */
async function untilTwice(knock: () => Promise<unknown>): Promise<void> {
  const duplicates = () =>
    Promise.all(cluster.nodes.map((node) => node.run(({ zmq }) => zmq.stats().framesDuplicate)))
  const before = await duplicates()
  await until(async () => {
    await knock()
    return (await duplicates()).some((count, i) => count > before[i]!)
  })
}

test('every message comes to every client once, in order', async () => {
  const { nodes, emitter, clients } = await start()
  await Promise.all([
    emitter.run(async ({ emitter }) => {
      for (let i = 0; i < 500; i++) {
        emitter.emit('emitter', i)
        if (i % 10 === 0) await new Promise(setImmediate)
      }
      await emitter.flush()
    }),
    nodes[0].run(async ({ io }) => {
      for (let i = 0; i < 500; i++) {
        io.emit('node', i)
        if (i % 10 === 0) await new Promise(setImmediate)
      }
    }),
  ])
  await until(() => clients.every(({ got }) => got.length >= 1000))
  for (const { got } of clients) {
    for (const sender of ['emitter', 'node']) {
      expect(got.filter(([event]) => event === sender)).toEqual(
        numbers(500).map((i) => [sender, i]),
      )
    }
  }
  const stats = await nodes[1].run(({ zmq }) => zmq.stats())
  expect(stats).toMatchObject({ framesLost: 0, members: 1 })
  expect(stats.framesDuplicate).toBeGreaterThan(0)
})

test.each(['first', 'second'])('the %s is killed, and nothing stops', async (which) => {
  const { nodes, emitter, clients } = await start()
  for (const node of nodes) {
    await node.run(({ zmq, kept }) => {
      const told: string[] = []
      kept.told = told
      zmq.on('link:down', () => told.push('link:down'))
      zmq.on('member:leave', () => told.push('member:leave'))
    })
  }
  const broker = cluster.brokers[which === 'first' ? 0 : 1]!
  // a message a millisecond from each, until long after the broker is gone
  await emitter.run(({ emitter }) => {
    let i = 0
    const timer = setInterval(() => emitter.emit('emitter', i++), 1)
    Object.assign(globalThis, { stop: () => clearInterval(timer), said: () => i })
  })
  await nodes[0].run(({ io, kept }) => {
    let i = 0
    const timer = setInterval(() => io.emit('node', i++), 1)
    kept.stop = () => clearInterval(timer)
    kept.said = () => i
  })
  const got = (client: Listener) => client.got.length
  await until(() => clients.every((client) => got(client) >= 100))
  await broker.process.kill()
  const before = clients.map(got)
  await until(() => clients.every((client, i) => got(client) >= before[i]! + 400))
  const saidByEmitter = await emitter.run(() => {
    const { stop, said } = globalThis as unknown as { stop(): void; said(): number }
    stop()
    return said()
  })
  const saidByNode = await nodes[0].run(({ kept }) => {
    ;(kept.stop as () => void)()
    return (kept.said as () => number)()
  })
  await until(() => clients.every((client) => got(client) >= saidByEmitter + saidByNode))
  for (const { got } of clients) {
    const by = (sender: string) => got.filter(([event]) => event === sender)
    expect(by('emitter')).toEqual(numbers(saidByEmitter).map((i) => ['emitter', i]))
    expect(by('node')).toEqual(numbers(saidByNode).map((i) => ['node', i]))
  }
  for (const node of nodes) {
    expect(await node.run(({ kept }) => kept.told)).toEqual([])
    expect(await node.run(({ io }) => io.of('/').adapter.serverCount())).toBe(2)
    expect(await node.run(async ({ io }) => (await io.fetchSockets()).length)).toBe(2)
  }
})
