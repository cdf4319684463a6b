import type { Socket } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, nextEvent, until } from '../support/until.js'
import { startThree } from './modes.js'

let cluster: TestCluster
let a: NodeProcess
let b: NodeProcess
let c: NodeProcess
beforeAll(async () => {
  ;({ cluster, a, b, c } = await startThree({ namespaces: ['/known'] }))
})
afterEach(() => cluster.disconnectClients())
afterAll(() => cluster.stop())

const onEachNode = (...rooms: string[]) =>
  Promise.all([a, b, c].map((node) => cluster.connect(node, { rooms })))

/** The rooms that a client is in, its own left out. */
async function roomsOf(node: NodeProcess, client: Socket): Promise<string[]> {
  const rooms = await node.run(
    ({ io }, id) => [...(io.sockets.sockets.get(id)?.rooms ?? [])].filter((room) => room !== id),
    client.id!,
  )
  return rooms.toSorted()
}

/** Waits until what a node has asked of the others has been done. */
async function done(node: NodeProcess): Promise<void> {
  // each node takes up what one node says in its order, and this asks them all
  await node.run(async ({ io }) => void (await io.fetchSockets()))
}

describe('socketsJoin()', () => {
  test('lets the sockets of all nodes join', async () => {
    const clients = await onEachNode()
    await a.run(({ io }) => io.socketsJoin(['red', 'blue']))
    await done(a)
    expect(await roomsOf(a, clients[0]!)).toEqual(['blue', 'red'])
    expect(await roomsOf(b, clients[1]!)).toEqual(['blue', 'red'])
    expect(await roomsOf(c, clients[2]!)).toEqual(['blue', 'red'])
  })

  test('is bounded by in() and except()', async () => {
    const inside = await onEachNode('room')
    const muted = await onEachNode('room', 'muted')
    const outside = await onEachNode()
    await b.run(({ io }) => io.in('room').except('muted').socketsJoin('new'))
    await done(b)
    for (const [i, node] of [a, b, c].entries()) {
      expect(await roomsOf(node, inside[i]!)).toEqual(['new', 'room'])
      expect(await roomsOf(node, muted[i]!)).toEqual(['muted', 'room'])
      expect(await roomsOf(node, outside[i]!)).toEqual([])
    }
  })

  test('with local concerns the own sockets only', async () => {
    const clients = await onEachNode()
    await b.run(({ io }) => io.local.socketsJoin('new'))
    await done(b)
    expect(await roomsOf(a, clients[0]!)).toEqual([])
    expect(await roomsOf(b, clients[1]!)).toEqual(['new'])
    expect(await roomsOf(c, clients[2]!)).toEqual([])
  })

  test('is in force for what is emitted in the same breath', async () => {
    const clients = await onEachNode()
    const got = clients.map((client) => collect(client, 'news'))
    await a.run(({ io }) => {
      io.to('new').emit('news', 'too early')
      io.socketsJoin('new')
      io.to('new').emit('news', 'joined')
      io.socketsLeave('new')
      io.to('new').emit('news', 'too late')
    })
    await cluster.heard(a, ...clients)
    expect(got).toEqual([['joined'], ['joined'], ['joined']])
  })
})

describe('socketsLeave()', () => {
  test('lets the sockets of all nodes leave', async () => {
    const clients = await onEachNode('red', 'blue', 'green')
    await c.run(({ io }) => io.socketsLeave(['red', 'blue']))
    await done(c)
    for (const [i, node] of [a, b, c].entries()) {
      expect(await roomsOf(node, clients[i]!)).toEqual(['green'])
    }
  })

  test('is bounded by in() and except()', async () => {
    const inside = await onEachNode('room')
    const muted = await onEachNode('room', 'muted')
    await a.run(({ io }) => io.in('room').except('muted').socketsLeave('room'))
    await done(a)
    for (const [i, node] of [a, b, c].entries()) {
      expect(await roomsOf(node, inside[i]!)).toEqual([])
      expect(await roomsOf(node, muted[i]!)).toEqual(['muted', 'room'])
    }
  })

  test('concerns its own namespace only', async () => {
    const client = await cluster.connect(b, { nsp: '/known', rooms: ['room'] })
    await a.run(({ io }) => io.socketsLeave('room'))
    await done(a)
    const sizes = await b.run(({ io }) => io.of('/known').adapter.rooms.get('room')?.size)
    expect(sizes).toBe(1)
    expect(client.connected).toBe(true)
  })
})

describe('disconnectSockets()', () => {
  test('disconnects the sockets of all nodes', async () => {
    const clients = await onEachNode()
    const reasons = clients.map((client) => nextEvent(client, 'disconnect'))
    await b.run(({ io }) => io.disconnectSockets())
    for (const [reason] of await Promise.all(reasons)) expect(reason).toBe('io server disconnect')
  })

  test('is bounded by in() and except()', async () => {
    const inside = await onEachNode('room')
    const muted = await onEachNode('room', 'muted')
    const outside = await onEachNode()
    await a.run(({ io }) => io.in('room').except('muted').disconnectSockets())
    await cluster.heard(a, ...muted, ...outside)
    await until(() => inside.every((client) => !client.connected))
    expect([...muted, ...outside].every((client) => client.connected)).toBe(true)
  })

  test('with true closes the connection below as well', async () => {
    const client = await cluster.connect(b)
    const other = client.io.socket('/known', {})
    await nextEvent(other, 'connect')
    const closed = nextEvent(other, 'disconnect')
    await a.run(({ io }, id) => io.in(id).disconnectSockets(true), client.id!)
    await closed
    await until(() => !client.connected)
  })

  test('without it leaves other namespaces connected', async () => {
    const client = await cluster.connect(b)
    const other = client.io.socket('/known', {})
    await nextEvent(other, 'connect')
    const left = nextEvent(client, 'disconnect')
    await a.run(({ io }, id) => io.in(id).disconnectSockets(), client.id!)
    await left
    await cluster.heard(a, other)
    expect(other.connected).toBe(true)
    other.disconnect()
  })
})

describe('rooms that are numbers', () => {
  // TypeScript forbids them, and JavaScript's users have them: the ids of a database
  const join = (node: NodeProcess, client: Socket, room: unknown) =>
    node.run(({ io }, { id, room }) => void io.sockets.sockets.get(id)!.join(room as string), {
      id: client.id!,
      room,
    })

  test.each([[0], [7], [2 ** 40]])('%d is a room as on its own server', async (room) => {
    const clients = await onEachNode()
    const got = clients.map((client) => collect(client, 'news'))
    await join(a, clients[0]!, room)
    await join(b, clients[1]!, room)
    await join(c, clients[2]!, String(room))
    await a.run(({ io }, room) => io.to(room as never as string).emit('news', 'number'), room)
    await a.run(({ io }, room) => io.to(room).emit('news', 'string'), String(room))
    await a.run(({ io }, room) => io.except(room as never as string).emit('news', 'except'), room)
    await cluster.heard(a, ...clients)
    expect(got).toEqual([['number'], ['number'], ['string', 'except']])
  })

  test('sockets of other nodes join and leave them and are found in them', async () => {
    const clients = await onEachNode()
    await a.run(({ io }) => io.socketsJoin(7 as never as string))
    await done(a)
    const found = () =>
      a.run(async ({ io }) => (await io.in(7 as never as string).fetchSockets()).length)
    expect(await found()).toBe(3)
    await a.run(({ io }) => io.in(7 as never as string).socketsLeave(7 as never as string))
    expect(await found()).toBe(0)
    expect(clients.every((client) => client.connected)).toBe(true)
  })
})
