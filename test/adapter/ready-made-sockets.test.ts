import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { zmqAdapter } from 'socket.io-zeromq'
import { afterEach, expect, test } from 'vitest'
import { Publisher, type Socket, Subscriber, XPublisher } from 'zeromq'
import { TestCluster } from '../support/cluster.js'
import { collect } from '../support/until.js'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) if (!socket.closed) socket.close()
})

function open<T extends Socket>(socket: T): T {
  sockets.push(socket)
  return socket
}

test('a server with ready-made sockets is a member like any other, and closes them', async ({
  onTestFinished,
}) => {
  const cluster = await TestCluster.start(1)
  onTestFinished(() => cluster.stop())
  const node = cluster.nodes[0]!
  const [{ pub, sub }] = cluster.endpoints as [{ pub: string; sub: string }]
  const pubClient = open(new XPublisher({ immediate: true, linger: 0 }))
  const subClient = open(new Subscriber({ linger: 0 }))
  pubClient.connect(pub)
  subClient.connect(sub)
  const zmq = zmqAdapter({ pubClient, subClient })
  const httpServer = createServer()
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
  const io = new Server(httpServer, { adapter: zmq })
  await zmq.ready()
  expect(await io.of('/').adapter.serverCount()).toBe(2)

  const here = httpServer.address() as AddressInfo
  const clients = [await cluster.connect(here), await cluster.connect(node)]
  const got = clients.map((client) => collect(client, 'news'))
  io.emit('news', 'from here')
  expect((await io.fetchSockets()).length).toBe(2)
  await node.run(({ io }) => io.emit('news', 'from there'))
  await cluster.heard(node, ...clients)
  expect(got).toEqual(Array(2).fill(['from here', 'from there']))

  await io.close()
  expect(pubClient.closed).toBe(true)
  expect(subClient.closed).toBe(true)
})

test('sockets of the wrong kind, and one without the other, are refused', () => {
  const pubClient = open(new XPublisher({ linger: 0 }))
  const subClient = open(new Subscriber({ linger: 0 }))
  const publisher = open(new Publisher({ linger: 0 }))
  const isPub = 'option pubClient must be a ZeroMQ XPublisher'
  const isSub = 'option subClient must be a ZeroMQ Subscriber'
  expect(() => zmqAdapter({ subClient })).toThrow(isPub)
  expect(() => zmqAdapter({ pubClient: publisher as never, subClient })).toThrow(isPub)
  expect(() => zmqAdapter({ pubClient: {} as never, subClient })).toThrow(isPub)
  expect(() => zmqAdapter({ pubClient })).toThrow(isSub)
  expect(() => zmqAdapter({ pubClient, subClient: pubClient as never })).toThrow(isSub)
  expect(() => zmqAdapter({ pubClient, subClient, host: 'x' })).toThrow(
    'option host cannot be combined with pubClient and subClient',
  )
  expect(() => zmqAdapter({ pubClient, subClient, brokers: [] })).toThrow(
    'option brokers cannot be combined with pubClient and subClient',
  )
})
