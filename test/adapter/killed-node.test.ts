import { afterAll, beforeAll, expect, test } from 'vitest'
import { type NodeProcess, TestCluster } from '../support/cluster.js'
import { NEVER_MS } from './modes.js'

let cluster: TestCluster
let a: NodeProcess
let b: NodeProcess
let c: NodeProcess
beforeAll(async () => {
  // no heartbeat is to find out what the end of a connection tells
  cluster = new TestCluster()
  await cluster.startBroker({ pub: 0, sub: 0, heartbeatInterval: 0 })
  const zmq = { requestTimeout: NEVER_MS, heartbeatIntervalMs: 0 }
  await Promise.all([1, 2, 3].map(() => cluster.startNode({ zmq })))
  await cluster.settled()
  ;[a, b, c] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess]
})
afterAll(() => cluster.stop())

/** Milliseconds on a clock that all processes of a machine share. */
const now = () => performance.timeOrigin + performance.now()

test('a request may have a time limit of its own, and an answer that comes too late is ignored', async () => {
  c.signal('SIGSTOP')
  const message = await a.run(({ io }) =>
    io
      .timeout(2_000)
      .fetchSockets()
      .then(
        () => 'answered',
        (error: Error) => error.message,
      ),
  )
  expect(message).toContain('timeout reached: missing 1 responses out of 2 within 2000 ms')
  c.signal('SIGCONT')
  // its late answer comes before the next
  expect(await a.run(async ({ io }) => (await io.fetchSockets()).length)).toBe(0)
  expect(await a.run(({ io }) => io.of('/').adapter.serverCount())).toBe(3)
})

test('a node killed with SIGKILL is out of serverCount(), and nobody waits for it', async () => {
  const clients = [await cluster.connect(a), await cluster.connect(b)]
  for (const client of clients) client.on('question', (acknowledge) => acknowledge('yes'))
  await b.run(({ io }) => {
    io.on('question' as never, ((answer: (answer: unknown) => void) => answer('b')) as never)
  })

  // frozen, so that it takes what it is asked and does not answer
  c.signal('SIGSTOP')
  await a.run(({ io, kept }) => {
    const now = () => performance.timeOrigin + performance.now()
    const timed = async <T>(promise: Promise<T>) => ({ value: await promise, at: now() })
    const dropped = async () => {
      while ((await io.of('/').adapter.serverCount()) > 2) {
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    kept.outcomes = Promise.all([
      timed(dropped()),
      timed(io.fetchSockets().then((sockets) => sockets.length)),
      timed(io.serverSideEmitWithAck('question')),
      timed(io.timeout(600_000).emitWithAck('question')),
    ])
  })
  expect(await a.run(({ zmq }) => zmq.stats().requestsOpen)).toBe(3)

  const killedAt = now()
  await cluster.killNode(c)
  const [count, fetched, acknowledged, responses] = await a.run(
    ({ kept }) => kept.outcomes as Promise<{ value: never; at: number }[]>,
  )
  expect(fetched!.value).toBe(2)
  expect(acknowledged!.value).toEqual(['b'])
  expect(responses!.value).toEqual(['yes', 'yes'])

  const took = (outcome: { at: number } | undefined) => `${(outcome!.at - killedAt).toFixed(1)} ms`
  console.log(
    `node killed with SIGKILL: out of serverCount() after ${took(count)}, ` +
      `fetchSockets() resolved after ${took(fetched)}, ` +
      `serverSideEmit() acknowledged after ${took(acknowledged)}, ` +
      `broadcast acknowledged after ${took(responses)}`,
  )
})

test('those who are left go on as a cluster of two', async () => {
  expect(await a.run(({ io }) => io.of('/').adapter.serverCount())).toBe(2)
  const client = await cluster.connect(b)
  await cluster.heard(a, client)
  expect(await a.run(({ zmq }) => zmq.stats().requestsOpen)).toBe(0)
})
