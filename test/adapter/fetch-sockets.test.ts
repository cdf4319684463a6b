import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, nextEvent } from '../support/until.js'
import { modes, startThree } from './modes.js'

describe.each(modes)('fetchSockets(), with $name', (mode) => {
  let cluster: TestCluster
  let a: NodeProcess
  let b: NodeProcess
  let c: NodeProcess
  beforeAll(async () => {
    ;({ cluster, a, b, c } = await startThree({ ...mode.node, namespaces: ['/known'] }))
    await a.run(({ io }) => void io.of('/only-a'))
  })
  afterEach(() => cluster.disconnectClients())
  afterAll(() => cluster.stop())

  const connect: TestCluster['connect'] = (node, options) =>
    cluster.connect(node, { ...mode.client, ...options })
  const onEachNode = (...rooms: string[]) =>
    Promise.all([connect(a, { rooms }), connect(b, { rooms }), connect(c, { rooms })])
  const idsOf = (clients: { id?: string | undefined }[]) => clients.map(({ id }) => id).toSorted()

  /** The ids of the sockets that a node finds. */
  const fetch = async (
    node: NodeProcess,
    { nsp = '/', rooms = [] as string[], except = [] as string[], local = false } = {},
  ) => {
    const ids = await node.run(
      async ({ io }, { nsp, rooms, except, local }) => {
        const operator = io.of(nsp).in(rooms).except(except)
        const sockets = await (local ? operator.local : operator).fetchSockets()
        return sockets.map((socket) => socket.id)
      },
      { nsp, rooms, except, local },
    )
    return ids.toSorted()
  }

  test('finds the sockets of all nodes', async () => {
    const clients = [...(await onEachNode()), await connect(b)]
    for (const node of [a, b, c]) expect(await fetch(node)).toEqual(idsOf(clients))
  })

  test('finds nobody where nobody is', async () => {
    expect(await fetch(a)).toEqual([])
  })

  test('is bounded by in(), except() and local', async () => {
    const inside = await onEachNode('room')
    const muted = await onEachNode('room', 'muted')
    await onEachNode()
    expect(await fetch(a, { rooms: ['room'] })).toEqual(idsOf([...inside, ...muted]))
    expect(await fetch(a, { rooms: ['room'], except: ['muted'] })).toEqual(idsOf(inside))
    expect(await fetch(b, { rooms: ['muted'], local: true })).toEqual(idsOf([muted[1]]))
  })

  test('a namespace that other nodes lack is answered for at once', async () => {
    const client = await connect(a, { nsp: '/only-a' })
    expect(await fetch(a, { nsp: '/only-a' })).toEqual([client.id])
  })

  test('each namespace has its own sockets', async () => {
    const clients = await Promise.all([a, b].map((node) => connect(node, { nsp: '/known' })))
    await onEachNode()
    expect(await fetch(c, { nsp: '/known' })).toEqual(idsOf(clients))
  })

  test('brings the data, the rooms and the handshake of a socket of another node', async () => {
    const data = {
      name: 'Ada',
      tags: ['a', 1, null, true],
      nested: { deep: { ключ: '🚀' } },
      big: 2 ** 53 - 1,
      negative: -1.5,
      bytes: Buffer.from([0, 1, 255]),
    }
    const client = await connect(b, {
      rooms: ['red', 'blue'],
      data,
      auth: { token: 'secret' },
      query: { q: 'a b' },
    })
    const socket = await a.run(async ({ io }, id) => {
      const [{ id: found, data, rooms, handshake } = {} as never] = await io.in(id).fetchSockets()
      return { found, data, rooms: [...rooms], handshake }
    }, client.id!)
    const own = await b.run(({ io }, id) => io.sockets.sockets.get(id)!.handshake, client.id!)
    expect(socket.found).toBe(client.id)
    expect({ ...socket.data, bytes: Buffer.from(socket.data.bytes) }).toEqual(data)
    expect(socket.rooms.toSorted()).toEqual([client.id!, 'blue', 'red'].toSorted())
    expect(socket.handshake).toEqual({ ...own, query: { ...own.query }, auth: { token: 'secret' } })
    expect(socket.handshake.query.q).toBe('a b')
  })

  test('a date in the data of a socket stays a date', async () => {
    const client = await connect(b)
    await b.run(({ io }, id) => {
      io.sockets.sockets.get(id)!.data.since = new Date(12_345)
    }, client.id!)
    const since = await a.run(async ({ io }, id) => {
      const [socket] = await io.in(id).fetchSockets()
      return socket!.data.since
    }, client.id!)
    expect(since).toEqual(new Date(12_345))
  })

  test('emits to a socket of another node', async () => {
    const [, client, other] = await onEachNode()
    const got = collect(client, 'news')
    const others = collect(other, 'news')
    await a.run(async ({ io }, id) => {
      const [socket] = await io.in(id).fetchSockets()
      socket!.emit('news', 'for you', Buffer.from('x'))
    }, client.id!)
    await cluster.heard(a, client, other)
    expect(got).toHaveLength(1)
    expect(others).toEqual([])
  })

  test('lets a socket of another node join and leave', async () => {
    const client = await connect(b, { rooms: ['old'] })
    await a.run(async ({ io }, id) => {
      const [socket] = await io.in(id).fetchSockets()
      socket!.join(['new', 'newer'])
      socket!.leave('old')
    }, client.id!)
    expect(await fetch(a, { rooms: ['new'] })).toEqual([client.id])
    expect(await fetch(c, { rooms: ['newer'] })).toEqual([client.id])
    expect(await fetch(a, { rooms: ['old'] })).toEqual([])
  })

  test('disconnects a socket of another node', async () => {
    const client = await connect(b)
    const reason = nextEvent(client, 'disconnect')
    await a.run(async ({ io }, id) => {
      const [socket] = await io.in(id).fetchSockets()
      socket!.disconnect()
    }, client.id!)
    expect((await reason)[0]).toBe('io server disconnect')
    expect(await fetch(a)).toEqual([])
  })

  test('many calls at once each get their own answer', async () => {
    const clients = await onEachNode('room')
    const counts = await Promise.all(
      [a, b, c].map((node) =>
        node.run(({ io }) =>
          Promise.all(
            Array.from({ length: 50 }, async (_, i) => {
              const sockets = await io.in(i % 2 === 0 ? 'room' : 'nobody').fetchSockets()
              return sockets.length
            }),
          ),
        ),
      ),
    )
    const expected = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? clients.length : 0))
    expect(counts).toEqual([expected, expected, expected])
  })
})
