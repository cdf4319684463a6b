import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, until } from '../support/until.js'
import { startThree } from './modes.js'

let cluster: TestCluster
let a: NodeProcess
let b: NodeProcess
let c: NodeProcess
beforeAll(async () => {
  ;({ cluster, a, b, c } = await startThree({
    namespaces: ['/red', '/blue'],
    server: { cleanupEmptyChildNamespaces: true },
  }))
  for (const node of [a, b, c]) {
    await node.run(({ io }) => {
      io.of(/^\/dyn-\d+$/).on('connection', (socket) => {
        socket.join('room')
      })
    })
  }
})
afterEach(() => cluster.disconnectClients())
afterAll(() => cluster.stop())

const namespacesOf = (node: NodeProcess) => node.run(({ io }) => [...io._nsps.keys()])

test('namespaces do not hear each other, whatever their rooms are called', async () => {
  const connect = (nsp: string) => cluster.connect(b, { nsp, rooms: ['room'] })
  const clients = [await connect('/'), await connect('/red'), await connect('/blue')]
  const got = clients.map((client) => collect(client, 'news'))
  await a.run(({ io }) => {
    io.of('/red').emit('news', 'red')
    io.of('/red').to('room').emit('news', 'the red room')
    io.of('/blue').to('room').emit('news', 'the blue room')
    io.to('room').emit('news', 'the main room')
  })
  await cluster.heard(a, ...clients)
  expect(got).toEqual([['the main room'], ['red', 'the red room'], ['the blue room']])
})

test('several namespaces over one connection each get their own', async () => {
  const client = await cluster.connect(b, { nsp: '/red' })
  const other = client.io.socket('/blue', {})
  await until(() => other.connected)
  const got = [collect(client, 'news'), collect(other, 'news')]
  await a.run(({ io }) => {
    io.of('/red').emit('news', 'red')
    io.of('/blue').emit('news', 'blue', Buffer.from('binary'))
  })
  await cluster.heard(a, client, other)
  expect(got).toEqual([['red'], [['blue', expect.anything()]]])
  other.disconnect()
})

test('a namespace made by a pattern reaches its clients on all nodes', async () => {
  const clients = await Promise.all(
    [a, b, c].map((node) => cluster.connect(node, { nsp: '/dyn-1' })),
  )
  const other = await cluster.connect(b, { nsp: '/dyn-2' })
  const got = [...clients, other].map((client) => collect(client, 'news'))
  await a.run(({ io }) => {
    io.of('/dyn-1').emit('news', 1)
    io.of('/dyn-1').to('room').emit('news', 2)
  })
  await cluster.heard(a, ...clients, other)
  expect(got).toEqual([[1, 2], [1, 2], [1, 2], []])
})

test('a namespace made by a pattern is found where a node emits before any client has come', async () => {
  const client = await cluster.connect(b, { nsp: '/dyn-3' })
  const got = collect(client, 'news')
  expect(await namespacesOf(a)).not.toContain('/dyn-3')
  await a.run(({ io }) => io.of('/dyn-3').emit('news', 'from afar'))
  await cluster.heard(a, client)
  expect(got).toEqual(['from afar'])
})

test('a namespace closed behind its last client is left, and opens again', async () => {
  const first = await cluster.connect(b, { nsp: '/dyn-4' })
  await cluster.connect(a, { nsp: '/dyn-4' })
  first.disconnect()
  await until(async () => !(await namespacesOf(b)).includes('/dyn-4'))

  // b is asked of a namespace that it does not have any more
  const count = () => a.run(async ({ io }) => (await io.of('/dyn-4').fetchSockets()).length)
  expect(await count()).toBe(1)
  const before = await b.run(({ zmq }) => zmq.stats().namespaces)

  const second = await cluster.connect(b, { nsp: '/dyn-4' })
  const got = collect(second, 'news')
  expect(await b.run(({ zmq }) => zmq.stats().namespaces)).toBe(before + 1)
  expect(await count()).toBe(2)
  await a.run(({ io }) => io.of('/dyn-4').to('room').emit('news', 'again'))
  await cluster.heard(a, second)
  expect(got).toEqual(['again'])
})

test('a thousand namespaces leave none in the adapter when they are closed', async () => {
  const before = await b.run(({ zmq }) => zmq.stats().namespaces)
  const client = await cluster.connect(b)
  const sockets = Array.from({ length: 1_000 }, (_, i) => client.io.socket(`/dyn-1${i}`, {}))
  await until(() => sockets.every((socket) => socket.connected))
  expect(await b.run(({ zmq }) => zmq.stats().namespaces)).toBe(before + 1_000)
  const got = sockets.map((socket) => collect(socket, 'news'))
  await a.run(({ io }) => {
    for (let i = 0; i < 1_000; i++) io.of(`/dyn-1${i}`).emit('news', i)
  })
  await cluster.heard(a, ...sockets)
  expect(got).toEqual(Array.from({ length: 1_000 }, (_, i) => [i]))
  for (const socket of sockets) socket.disconnect()
  await until(async () => (await b.run(({ zmq }) => zmq.stats().namespaces)) === before)
})

test('serverCount() counts the servers, in every namespace', async () => {
  const counts = (nsp: string) =>
    Promise.all(
      [a, b, c].map((node) => node.run(({ io }, nsp) => io.of(nsp).adapter.serverCount(), nsp)),
    )
  expect(await counts('/')).toEqual([3, 3, 3])
  expect(await counts('/red')).toEqual([3, 3, 3])
  await a.run(({ io }) => void io.of('/only-a'))
  expect(await a.run(({ io }) => io.of('/only-a').adapter.serverCount())).toBe(3)
})
