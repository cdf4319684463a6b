import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Server as SocketServer } from 'socket.io'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestCluster } from '../support/cluster.js'
import { collect, nextEvent, until } from '../support/until.js'

let cluster: TestCluster
beforeEach(async () => {
  cluster = new TestCluster()
  await cluster.startBroker()
})
afterEach(() => cluster.stop())

test('io.adapter(zmq) after construction does what new Server({ adapter: zmq }) does', async () => {
  const namespaces = ['/known']
  const [later, other] = await Promise.all([
    cluster.startNode({ adapterLater: true, namespaces }),
    cluster.startNode({ namespaces }),
  ])
  await cluster.settled()
  for (const [from, to] of [
    [later, other],
    [other, later],
  ] as const) {
    for (const nsp of ['/', '/known']) {
      const client = await cluster.connect(to, { nsp, rooms: ['room'] })
      const got = collect(client, 'news')
      await from.run(({ io }, nsp) => io.of(nsp).to('room').emit('news', nsp), nsp)
      await cluster.heard(from, client)
      expect(got).toEqual([nsp])
    }
  }
})

test('what is emitted before the link is up is sent when it is', async () => {
  const node = await cluster.startNode()
  const client = await cluster.connect(node)
  const got = nextEvent(client, 'news')
  const link = await node.run(({ options, Server, zmqAdapter, kept }) => {
    const zmq = zmqAdapter(options.zmq)
    const io = new Server({ adapter: zmq })
    kept.io = io
    io.emit('news', 'early')
    return zmq.stats().link
  })
  expect(link).toBe('down')
  expect(await got).toEqual(['early'])
})

test('one factory for two servers is an error that says so, and harms not the first', async () => {
  const node = await cluster.startNode()
  const messages = await node.run(({ zmq, Server }) =>
    [() => new Server({ adapter: zmq }), () => new Server().adapter(zmq)].map((make) => {
      try {
        make()
      } catch (error) {
        return String(error)
      }
      return undefined
    }),
  )
  const expected =
    'OptionError: this adapter serves another Socket.IO server: call zmqAdapter() once for each server'
  expect(messages).toEqual([expected, expected])
  const client = await cluster.connect(node)
  await cluster.heard(node, client)
  expect(await node.run(({ io }) => io.of('/').adapter.serverCount())).toBe(1)
})

test('two servers in one process, each with its own adapter, are two members', async () => {
  const node = await cluster.startNode()
  const client = await cluster.connect(node)
  const got = nextEvent(client, 'news')
  const counts = await node.run(async ({ io, options, Server, zmqAdapter, kept }) => {
    const zmq = zmqAdapter(options.zmq)
    const second = new Server({ adapter: zmq })
    kept.second = second
    await zmq.ready()
    second.emit('news', 'from the second')
    return Promise.all([io, second].map((server) => server.of('/').adapter.serverCount()))
  })
  expect(counts[1]).toBe(2)
  expect(await got).toEqual(['from the second'])
})

test('a server made after io.close() with the same factory works', async () => {
  const [node, other] = await Promise.all([cluster.startNode(), cluster.startNode()])
  await cluster.settled()
  const port = await node.run(async ({ io, zmq, Server: SocketServer, kept }) => {
    await io.close()
    const again = new SocketServer(0, { adapter: zmq })
    again.on('connection', (socket) => {
      socket.join('room')
    })
    kept.again = again
    await zmq.ready()
    return ((again as never as { httpServer: Server }).httpServer.address() as AddressInfo).port
  })
  await until(async () => (await other.run(({ io }) => io.of('/').adapter.serverCount())) === 2)
  const clients = [
    await cluster.connect({ port }),
    await cluster.connect(other, { rooms: ['room'] }),
  ]
  const got = clients.map((client) => collect(client, 'news'))
  await other.run(({ io }) => io.to('room').emit('news', 'from the other'))
  await cluster.heard(other, ...clients)
  await node.run(({ kept }) => (kept.again as SocketServer).to('room').emit('news', 'from the new'))
  await until(() => got.every((events) => events.length === 2))
  expect(got[0]).toEqual(['from the other', 'from the new'])
  expect(got[1]).toEqual(['from the other', 'from the new'])
  expect(await other.run(({ io }) => io.of('/').adapter.serverCount())).toBe(2)
})

describe('connectionStateRecovery', () => {
  const warnings = (stderr: string) => stderr.match(/ZMQ_NO_RECOVERY/g)?.length ?? 0

  test('gives one warning, whatever the number of namespaces, and all else works', async () => {
    const server = { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } }
    const namespaces = ['/red', '/blue']
    const [a, b] = await Promise.all([
      cluster.startNode({ server, namespaces }),
      cluster.startNode({ server, namespaces }),
    ])
    await cluster.settled()
    const client = await cluster.connect(b, { nsp: '/red', rooms: ['room'] })
    const got = collect(client, 'news')
    client.on('question', (acknowledge) => acknowledge('yes'))
    await a.run(({ io }) => io.of('/red').to('room').emit('news', 1))
    await cluster.heard(a, client)
    await b.run(({ io }, id) => io.of('/red').sockets.get(id)!.emit('news', 2), client.id!)
    const answers = await a.run(({ io }) => io.of('/red').timeout(60_000).emitWithAck('question'))
    expect(answers).toEqual(['yes'])
    expect(got).toEqual([1, 2])

    // a client that comes back has a new session
    const before = client.id
    const back = nextEvent(client, 'connect')
    client.io.engine.close()
    await back
    expect(client.recovered).toBe(false)
    expect(client.id).not.toBe(before)

    for (const node of [a, b]) {
      await until(() => warnings(node.stderr) > 0)
      expect(warnings(node.stderr)).toBe(1)
      expect(node.stderr).toContain('connectionStateRecovery is set, but socket.io-zeromq does not')
    }
  })

  test('gives no warning where it is off', async () => {
    const server = { connectionStateRecovery: false as never }
    const node = await cluster.startNode({ server })
    await node.run(() => process.emitWarning('marker'))
    await until(() => node.stderr.includes('marker'))
    expect(warnings(node.stderr)).toBe(0)
  })
})
