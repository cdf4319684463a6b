import type { Socket } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, nextEvent } from '../support/until.js'
import { modes, startThree } from './modes.js'

describe.each(modes)('emit, with $name', (mode) => {
  let cluster: TestCluster
  let a: NodeProcess
  let b: NodeProcess
  let c: NodeProcess
  beforeAll(async () => {
    ;({ cluster, a, b, c } = await startThree(mode.node))
  })
  afterEach(() => cluster.disconnectClients())
  afterAll(() => cluster.stop())

  const connect = (node: NodeProcess, ...rooms: string[]) =>
    cluster.connect(node, { ...mode.client, rooms })
  const onEachNode = (...rooms: string[]) =>
    Promise.all([connect(a, ...rooms), connect(b, ...rooms), connect(c, ...rooms)])
  const collectAll = (clients: Socket[], event = 'news') =>
    clients.map((client) => collect(client, event))

  test('io.emit() reaches the clients of all nodes', async () => {
    const clients = await onEachNode()
    const got = collectAll(clients)
    await a.run(({ io }) => io.emit('news', 1, 'two', { three: [3] }))
    await cluster.heard(a, ...clients)
    expect(got).toEqual(Array(3).fill([[1, 'two', { three: [3] }]]))
  })

  test('a room is reached on all nodes, and nobody outside it', async () => {
    const inside = await onEachNode('room')
    const outside = await onEachNode('other')
    const got = collectAll([...inside, ...outside])
    await b.run(({ io }) => io.to('room').emit('news', 'for the room'))
    await cluster.heard(b, ...inside, ...outside)
    expect(got).toEqual([...Array(3).fill(['for the room']), [], [], []])
  })

  test('a client in several of the rooms addressed gets the message once', async () => {
    const clients = await Promise.all([
      connect(a, 'red', 'blue'),
      connect(b, 'red', 'blue'),
      connect(b, 'red'),
      connect(c, 'blue', 'green'),
      connect(c, 'yellow'),
    ])
    const got = collectAll(clients)
    await a.run(({ io }) => io.to('red').to(['blue', 'green']).emit('news', 'colourful'))
    await cluster.heard(a, ...clients)
    expect(got).toEqual([...Array(4).fill(['colourful']), []])
  })

  test('except() leaves out the clients of a room on all nodes', async () => {
    const clients = await Promise.all([
      connect(a, 'room'),
      connect(a, 'room', 'muted'),
      connect(b, 'room'),
      connect(b, 'room', 'muted'),
      connect(c, 'muted'),
    ])
    const got = collectAll(clients)
    await a.run(({ io }) => {
      io.to('room').except('muted').emit('news', 'in the room')
      io.except(['muted']).emit('news', 'to all')
    })
    await cluster.heard(a, ...clients)
    const both = ['in the room', 'to all']
    expect(got).toEqual([both, [], both, [], []])
  })

  test('except() with the id of one client leaves it out on another node', async () => {
    const clients = await onEachNode()
    const got = collectAll(clients)
    await a.run(({ io }, id) => io.except(id).emit('news', 'not for b'), clients[1].id!)
    await cluster.heard(a, ...clients)
    expect(got).toEqual([['not for b'], [], ['not for b']])
  })

  test('socket.broadcast reaches everyone but the socket itself', async () => {
    const clients = await onEachNode()
    const got = collectAll(clients)
    await a.run(
      ({ io }, id) => io.sockets.sockets.get(id)!.broadcast.emit('news', 'from a client of a'),
      clients[0].id!,
    )
    await cluster.heard(a, ...clients)
    expect(got).toEqual([[], ['from a client of a'], ['from a client of a']])
  })

  test('socket.to() reaches a room on all nodes without the socket itself', async () => {
    const clients = [...(await onEachNode('room')), await connect(b)]
    const got = collectAll(clients)
    await a.run(
      ({ io }, id) => io.sockets.sockets.get(id)!.to('room').emit('news', 'hi'),
      clients[0]!.id!,
    )
    await cluster.heard(a, ...clients)
    expect(got).toEqual([[], ['hi'], ['hi'], []])
  })

  test('a client is reached by its id from another node', async () => {
    const clients = await onEachNode()
    const got = collectAll(clients)
    await a.run(({ io }, id) => io.to(id).emit('news', 'for you'), clients[2].id!)
    await cluster.heard(a, ...clients)
    expect(got).toEqual([[], [], ['for you']])
  })

  test('local keeps a message on its own node', async () => {
    const clients = await onEachNode('room')
    const got = collectAll(clients)
    await b.run(({ io }) => {
      io.local.emit('news', 1)
      io.local.to('room').emit('news', 2)
      io.to('room').local.emit('news', 3)
    })
    await cluster.heard(b, ...clients)
    expect(got).toEqual([[], [1, 2, 3], []])
  })

  test('a message for a room that nobody is in reaches nobody', async () => {
    const clients = await onEachNode()
    const got = collectAll(clients)
    await a.run(({ io }) => io.to('nobody').emit('news'))
    await cluster.heard(a, ...clients)
    expect(got).toEqual([[], [], []])
  })

  test('binary data arrives as it was sent, wherever it is nested', async () => {
    const clients = await onEachNode()
    const got = clients.map((client) => nextEvent(client, 'news'))
    await c.run(({ io }) =>
      io.emit('news', Buffer.from([0, 128, 255]), { nested: [Buffer.from('deep')] }, 'text'),
    )
    for (const args of await Promise.all(got)) {
      const [first, { nested }, text] = args as [Buffer, { nested: [Buffer] }, string]
      expect(Buffer.from(first)).toEqual(Buffer.from([0, 128, 255]))
      expect(Buffer.from(nested[0])).toEqual(Buffer.from('deep'))
      expect(text).toBe('text')
    }
  })

  test('many messages of one node arrive everywhere in the order in which they were emitted', async () => {
    const clients = await onEachNode('room')
    const got = collectAll(clients)
    const count = 3_000
    await a.run(async ({ io }, count) => {
      for (let i = 0; i < count; i++) {
        // over several turns of the event loop, and in frames of different sizes
        if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
        const padding = i % 100 === 0 ? 'x'.repeat(20_000) : ''
        if (i % 3 === 0) io.emit('news', i, padding)
        else io.to('room').emit('news', i, padding)
      }
    }, count)
    await cluster.heard(a, ...clients)
    const expected = Array.from({ length: count }, (_, i) => i)
    for (const events of got) {
      expect((events as [number, string][]).map(([i]) => i)).toEqual(expected)
    }
  })

  test('what several nodes emit at once arrives in the order of each of them', async () => {
    const clients = await onEachNode()
    const got = collectAll(clients)
    const say = (node: NodeProcess, name: string) =>
      node.run(({ io }, name) => {
        for (let i = 0; i < 200; i++) io.emit('news', name, i)
      }, name)
    await Promise.all([say(a, 'a'), say(b, 'b'), say(c, 'c')])
    for (const node of [a, b, c]) await cluster.heard(node, ...clients)
    const expected = Array.from({ length: 200 }, (_, i) => i)
    for (const events of got as [string, number][][]) {
      expect(events).toHaveLength(600)
      for (const name of ['a', 'b', 'c']) {
        expect(events.filter(([from]) => from === name).map(([, i]) => i)).toEqual(expected)
      }
    }
  })

  test('a volatile message reaches the clients that can take it', async () => {
    const client = await connect(b, 'room')
    // a polling client can take it while it polls, so that it may need more than one
    let isReceived = false
    client.once('news', () => {
      isReceived = true
    })
    while (!isReceived) {
      await a.run(({ io }) => io.volatile.to('room').emit('news'))
      await cluster.heard(a, client)
    }
  })

  test('a volatile message passes by a client of another node that is busy', async () => {
    const clients = await onEachNode()
    const got = collectAll(clients)
    await a.run(({ io }) => {
      // one frame: each connection is still busy with the first when the second comes
      io.emit('news', 'first')
      io.volatile.emit('news', 'second')
    })
    await cluster.heard(a, ...clients)
    expect(got).toEqual(Array(3).fill(['first']))
  })

  test('compress() has its effect on the connections of every node', async () => {
    const clients = await onEachNode()
    for (const [i, node] of [a, b, c].entries()) {
      await node.run(({ io, kept }, id) => {
        const compressed: unknown[] = []
        kept.compressed = compressed
        const onPacket = ({ options }: { options: { compress: boolean } }) =>
          compressed.push(options.compress)
        io.sockets.sockets.get(id)!.conn.on('packetCreate', onPacket as never)
      }, clients[i]!.id!)
    }
    await a.run(({ io }) => {
      io.compress(false).emit('news')
      io.compress(true).emit('news')
      io.emit('news')
    })
    await cluster.heard(a, ...clients)
    for (const node of [a, b, c]) {
      const compressed = await node.run(({ kept }) => kept.compressed as boolean[])
      expect(compressed.slice(0, 3)).toEqual([false, true, true])
    }
  })
})
