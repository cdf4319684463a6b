import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type NodeProcess, TestCluster } from '../support/cluster.js'
import { collect } from '../support/until.js'
import { NEVER_MS } from './modes.js'

let cluster: TestCluster
let a: NodeProcess
let b: NodeProcess
beforeAll(async () => {
  cluster = await TestCluster.start(2, { zmq: { requestTimeout: NEVER_MS } })
  ;[a, b] = cluster.nodes as [NodeProcess, NodeProcess]
})
afterEach(() => cluster.disconnectClients())
afterAll(() => cluster.stop())

/** A value in so many arrays. */
function nested(depth: number): unknown {
  let value: unknown = 'bottom'
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

const depth = 300

test('an event between servers may nest deeply, and does no harm to what is said around it', async () => {
  const client = await cluster.connect(b)
  const got = collect(client, 'news')
  await b.run(({ io, kept }) => {
    const said: unknown[] = []
    kept.said = said
    io.on('said' as never, ((value: unknown) => said.push(value)) as never)
  })
  await a.run(({ io }, deep) => {
    io.emit('news', 'before')
    io.serverSideEmit('said', deep)
    io.emit('news', 'after')
  }, nested(depth))
  await cluster.heard(a, client)
  expect(got).toEqual(['before', 'after'])
  expect(await b.run(({ kept }) => kept.said)).toEqual([nested(depth)])
})

test('the data of a socket, and what its client said at the handshake, may nest deeply', async () => {
  const data = { deep: nested(depth) }
  const client = await cluster.connect(b, { auth: data, data })
  const [fetched] = await a.run(async ({ io }) =>
    (await io.fetchSockets()).map(({ id, data, handshake }) => ({
      id,
      data,
      auth: handshake.auth,
    })),
  )
  expect(fetched).toEqual({ id: client.id, data, auth: data })
})

test('what a client acknowledges may nest deeply', async () => {
  const client = await cluster.connect(b)
  client.on('question', (acknowledge) => acknowledge(nested(depth)))
  const responses = await a.run(({ io }) => io.timeout(600_000).emitWithAck('question'))
  expect(responses).toEqual([nested(depth)])
})
