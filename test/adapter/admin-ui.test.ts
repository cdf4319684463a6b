import type { Socket } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, nextEvent, until } from '../support/until.js'

let cluster: TestCluster
let a: NodeProcess
let b: NodeProcess
beforeAll(async () => {
  cluster = await TestCluster.start(2, { admin: true, namespaces: ['/known'] })
  ;[a, b] = cluster.nodes as [NodeProcess, NodeProcess]
})
afterAll(() => cluster.stop())

/** Somebody who looks at the admin page, served by a. */
let admin: Socket
/** A client of the other node, and the one whom the admin does things to. */
let client: Socket
beforeEach(async () => {
  admin = await cluster.connect(a, { nsp: '/admin' })
  client = await cluster.connect(b)
})
afterEach(() => cluster.disconnectClients())

const roomsOfClient = () =>
  b.run(({ io }, id) => [...(io.sockets.sockets.get(id)?.rooms ?? [])], client.id!)

test('the statistics of both servers come to an admin of one', async () => {
  type Stats = { serverId: string; namespaces: { name: string; socketsCount: number }[] }
  const stats = collect(admin, 'server_stats') as Stats[]
  const socketsOn = (node: NodeProcess, nsp: string) =>
    stats
      .findLast(({ serverId }) => serverId === String(node.pid))
      ?.namespaces.find(({ name }) => name === nsp)?.socketsCount
  await until(() => socketsOn(a, '/admin') === 1 && socketsOn(b, '/') === 1)
  expect(socketsOn(a, '/')).toBe(0)
  expect(socketsOn(b, '/admin')).toBe(0)
})

test('an admin who comes sees the sockets of both servers', async () => {
  const onA = await cluster.connect(a, { nsp: '/known', rooms: ['room'] })
  const { io } = admin
  admin.disconnect()
  const again = io.socket('/admin')
  const sockets = nextEvent(again, 'all_sockets')
  again.connect()
  const [list] = (await sockets) as [
    { id: string; nsp: string; rooms: string[]; transport: string; handshake: object }[],
  ]
  expect(list.find(({ id }) => id === client.id)).toMatchObject({
    nsp: '/',
    rooms: [client.id],
    transport: 'websocket',
    handshake: { address: expect.stringContaining('127.0.0.1') },
  })
  expect(list.find(({ id }) => id === onA.id)).toMatchObject({ nsp: '/known' })
  expect(list.find(({ id }) => id === again.id)).toMatchObject({ nsp: '/admin' })
})

test('an admin sees who comes to and goes from the other server, and what they say', async () => {
  const seen = (event: string) => collect(admin, event) as unknown[][]
  const [connected, disconnected, joined, left, received, sent] = [
    'socket_connected',
    'socket_disconnected',
    'room_joined',
    'room_left',
    'event_received',
    'event_sent',
  ].map(seen) as [unknown[][], unknown[][], unknown[][], unknown[][], unknown[][], unknown[][]]
  const visitor = await cluster.connect(b, { rooms: ['room'] })
  const id = visitor.id!
  await b.run(({ io }, id) => void io.sockets.sockets.get(id)!.leave('room'), id)
  const news = nextEvent(visitor, 'news')
  await a.run(({ io }, id) => io.to(id).emit('news', Buffer.from('binary'), 1), id)
  await news
  visitor.emit('said', 42)
  await until(() => received.some(([, by, args]) => by === id && (args as string[])[0] === 'said'))
  visitor.disconnect()
  await until(() => disconnected.some(([, who]) => who === id))
  expect(connected).toContainEqual([expect.objectContaining({ id, nsp: '/' }), expect.any(String)])
  expect(joined).toContainEqual(['/', 'room', id, expect.any(String)])
  expect(left).toContainEqual(['/', 'room', id, expect.any(String)])
  expect(received).toContainEqual(['/', id, ['said', 42], expect.any(String)])
  expect(sent).toContainEqual(['/', id, ['news', expect.anything(), 1], expect.any(String)])
})

test('an admin lets a socket of the other server join and leave a room', async () => {
  admin.emit('join', '/', 'new', client.id)
  await until(async () => (await roomsOfClient()).includes('new'))
  admin.emit('leave', '/', 'new', client.id)
  await until(async () => !(await roomsOfClient()).includes('new'))
})

test('an admin lets all sockets of a namespace join and leave a room', async () => {
  admin.emit('join', '/', 'everyone')
  await until(async () => (await roomsOfClient()).includes('everyone'))
  admin.emit('leave', '/', 'everyone', 'everyone')
  await until(async () => !(await roomsOfClient()).includes('everyone'))
})

test('an admin emits to a socket of the other server, to a room and to all', async () => {
  const got = collect(client, 'news')
  admin.emit('emit', '/', client.id, 'news', 'to the socket', { n: 1 })
  admin.emit('emit', '/', undefined, 'news', 'to all')
  await until(() => got.length === 2)
  expect(got).toEqual([['to the socket', { n: 1 }], 'to all'])
})

test('an admin disconnects a socket of the other server', async () => {
  const reason = nextEvent(client, 'disconnect')
  admin.emit('_disconnect', '/', false, client.id)
  expect((await reason)[0]).toBe('io server disconnect')
})
