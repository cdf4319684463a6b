import { afterEach, beforeEach, expect, test } from 'vitest'
import { type NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, until } from '../support/until.js'
import { NEVER_MS } from './modes.js'

let cluster: TestCluster
let a: NodeProcess
let b: NodeProcess
let c: NodeProcess
let broker: TestCluster['brokers'][number]
beforeEach(async () => {
  cluster = new TestCluster()
  broker = await cluster.startBroker()
  // on a busy machine, too, all nodes are back before anybody gives up on them
  const zmq = { requestTimeout: NEVER_MS, memberGraceMs: 60_000 }
  await Promise.all([1, 2, 3].map(() => cluster.startNode({ zmq })))
  await cluster.settled()
  ;[a, b, c] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess]
  for (const node of [a, b, c]) {
    await node.run(({ zmq, kept }) => {
      const events: string[] = []
      kept.events = events
      zmq.on('link:up', () => events.push('link:up'))
      zmq.on('link:down', () => events.push('link:down'))
      zmq.on('member:join', () => events.push('member:join'))
      zmq.on('member:leave', () => events.push('member:leave'))
    })
  }
})
afterEach(() => cluster.stop())

const eventsOf = (node: NodeProcess) => node.run(({ kept }) => kept.events as string[])
const linksAre = async (state: string) => {
  const links = await Promise.all([a, b, c].map((n) => n.run(({ zmq }) => zmq.stats().link)))
  return links.every((link) => link === state)
}

async function killBroker(): Promise<void> {
  await broker.process.kill()
  await until(() => linksAre('down'))
}

async function restartBroker(): Promise<void> {
  cluster.brokers = cluster.brokers.filter((other) => other !== broker)
  broker = await cluster.startBroker({ pub: broker.pub, sub: broker.sub })
  await until(() => linksAre('up'))
}

test('a broker that is killed and started again is told of, and costs no member', async () => {
  await killBroker()
  const counts = () =>
    Promise.all([a, b, c].map((n) => n.run(({ io }) => io.of('/').adapter.serverCount())))
  expect(await counts()).toEqual([3, 3, 3])
  await restartBroker()
  expect(await counts()).toEqual([3, 3, 3])
  for (const node of [a, b, c]) expect(await eventsOf(node)).toEqual(['link:down', 'link:up'])
})

test('what is said while the broker is down arrives when it is back, once and in order', async () => {
  const clients = [
    await cluster.connect(a),
    await cluster.connect(b, { rooms: ['room'] }),
    await cluster.connect(c),
  ]
  const got = clients.map((client) => collect(client, 'news'))
  await a.run(({ io }) => io.emit('news', 'before'))
  await cluster.heard(a, ...clients)

  await killBroker()
  await a.run(async ({ io }) => {
    for (let i = 0; i < 1_000; i++) {
      // over many turns of the event loop, and so in many frames
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
      io.emit('news', i)
    }
    io.in('room').socketsJoin('new')
    io.to('new').emit('news', 'joined')
  })
  await restartBroker()
  await cluster.heard(a, ...clients)

  const numbers = Array.from({ length: 1_000 }, (_, i) => i)
  expect(got[0]).toEqual(['before', ...numbers])
  expect(got[1]).toEqual(['before', ...numbers, 'joined'])
  expect(got[2]).toEqual(['before', ...numbers])
})

test('questions asked while the broker is down are answered when it is back', async () => {
  const client = await cluster.connect(b)
  client.on('question', (acknowledge) => acknowledge('yes'))
  await killBroker()
  const fetched = a.run(async ({ io }) => (await io.fetchSockets()).length)
  const responses = a.run(({ io }) => io.timeout(600_000).emitWithAck('question'))
  await until(async () => (await a.run(({ zmq }) => zmq.stats().requestsOpen)) === 2)
  await restartBroker()
  expect(await fetched).toBe(1)
  expect(await responses).toEqual(['yes'])
})

test('a node that dies while the broker is down is dropped when it is back', async () => {
  const impatient = await cluster.startNode({ zmq: { memberGraceMs: 200 } })
  await cluster.settled()
  await killBroker()
  await cluster.killNode(c)
  const count = () => impatient.run(({ io }) => io.of('/').adapter.serverCount())
  expect(await count()).toBe(4)
  cluster.brokers = []
  await cluster.startBroker({ pub: broker.pub, sub: broker.sub })
  await until(async () => (await count()) === 3)
})

test('the clients of a node get what it emits while the broker is down', async () => {
  const client = await cluster.connect(a, { rooms: ['room'] })
  const got = collect(client, 'news')
  client.on('question', (acknowledge) => acknowledge('yes'))
  await killBroker()
  await a.run(({ io }) => io.to('room').emit('news', 'still here'))
  await until(() => got.length === 1)
  const sockets = await a.run(async ({ io }) => (await io.local.fetchSockets()).length)
  expect(sockets).toBe(1)
})
