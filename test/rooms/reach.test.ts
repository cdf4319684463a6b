import { afterEach, describe, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, until } from '../support/until.js'
import { byCost, directing, directs, hearingAll, start, statsOf } from './support.js'

let cluster: TestCluster
afterEach(() => cluster.stop())

async function startThree(...options: Parameters<typeof start>) {
  cluster = await start(...options)
  return cluster.nodes as [NodeProcess, NodeProcess, NodeProcess]
}

describe('a server without anybody in a room', () => {
  test.each([
    ['always', directing],
    ['where it pays', byCost],
  ])('gets nothing that is said to the room, directed %s', async (_, zmq) => {
    const [a, b, c] = await startThree(zmq, zmq, zmq)
    const inRoom = await cluster.connect(b, { rooms: ['room'] })
    const elsewhere = await cluster.connect(c, { rooms: ['another room'] })
    const got = collect(inRoom, 'news')
    await directs(a)
    await cluster.heard(a, inRoom, elsewhere)
    const before = await statsOf(c)
    await a.run(async ({ io }) => {
      for (let i = 0; i < 100; i++) {
        io.to('room').emit('news', i)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    // what is for everyone takes with it what is said in the same breath
    await until(() => got.length === 100)
    await cluster.heard(a, inRoom, elsewhere)
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => i))
    // but for the one to everyone
    const after = await statsOf(c)
    expect(after.messagesReceived - before.messagesReceived).toBe(1)
  })

  test('gets nothing that an emitter says to the room', async () => {
    const [a, b, c] = await startThree(byCost, byCost, byCost)
    const inRoom = await cluster.connect(b, { rooms: ['room'] })
    const got = collect(inRoom, 'news')
    const emitter = await cluster.startEmitter()
    await until(() =>
      emitter.run(({ emitter }) => {
        emitter.to('a room of nobody').emit('knock')
        return emitter.stats().framesDirected > 0
      }),
    )
    await until(() => a.run(({ zmq }) => zmq.stats().messagesReceived > 0).then(() => true))
    const before = await statsOf(c)
    await emitter.run(({ emitter }) => {
      emitter.to('room').emit('news')
      return emitter.flush()
    })
    await until(() => got.length === 1)
    expect((await statsOf(c)).messagesReceived).toBe(before.messagesReceived)
  })

  test('gets what is said to the room once a client of it has joined', async () => {
    const [a, b, c] = await startThree(directing, directing, directing)
    await cluster.connect(b, { rooms: ['room'] })
    await directs(a)
    for (let i = 0; i < 20; i++) await a.run(({ io }) => void io.to('room').emit('news', 'early'))
    const late = await cluster.connect(c, { rooms: ['room'] })
    const got = collect(late, 'news')
    await a.run(({ io }) => void io.to('room').emit('news', 'late'))
    await until(() => got.length > 0)
    expect(got).toEqual(['late'])
    expect(await statsOf(c)).toMatchObject({ framesLost: 0 })
  })
})

describe('servers that hear everything and servers that do not', () => {
  test('reach each other’s clients, in one cluster', async () => {
    const nodes = await startThree(hearingAll, directing, byCost)
    const clients = await Promise.all(
      nodes.map((node) => cluster.connect(node, { rooms: ['room'] })),
    )
    const got = clients.map((client) => collect(client, 'news'))
    for (const node of nodes) await directs(node)
    for (const [i, node] of nodes.entries()) {
      await node.run(({ io }, i) => void io.to('room').emit('news', `to the room from ${i}`), i)
      await node.run(({ io }, i) => void io.emit('news', `to all from ${i}`), i)
      await cluster.heard(node, ...clients)
    }
    const all = [0, 1, 2].flatMap((i) => [`to the room from ${i}`, `to all from ${i}`])
    for (const events of got) expect(events).toEqual(all)
  })

  test('direct nothing, and write what they always wrote, while all hear everything', async () => {
    const [a, b] = await startThree({}, {}, {})
    const client = await cluster.connect(b, { rooms: ['room'] })
    for (let i = 0; i < 10; i++) await a.run(({ io }) => void io.to('room').emit('news'))
    await cluster.heard(a, client)
    expect(await statsOf(a)).toMatchObject({ framesDirected: 0, bucketsSubscribed: 0 })
  })
})

describe('what is said to rooms and to everyone', () => {
  test('comes in the order in which it was said', async () => {
    const [a, b] = await startThree(directing, directing, directing)
    const client = await cluster.connect(b, { rooms: ['red', 'blue', 'green'] })
    const got = collect(client, 'news')
    await directs(a)
    const before = await statsOf(a)
    await a.run(async ({ io }) => {
      for (let i = 0; i < 2_000; i++) {
        if (i % 40 === 0) io.emit('news', i)
        else io.to(['red', 'blue', 'green'][(i * 7) % 3]!).emit('news', i)
        if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    })
    await cluster.heard(a, client)
    expect(got).toEqual(Array.from({ length: 2_000 }, (_, i) => i))
    expect((await statsOf(a)).framesDirected).toBeGreaterThan(before.framesDirected)
  })

  test('goes to everyone in one frame where that is cheaper', async () => {
    const [a, b] = await startThree(byCost, byCost, byCost)
    const rooms = Array.from({ length: 200 }, (_, i) => `room ${i}`)
    const client = await cluster.connect(b, { rooms })
    const got = collect(client, 'news')
    await directs(a)
    const before = await statsOf(a)
    await a.run(({ io }, rooms) => {
      for (const room of rooms) io.to(room).emit('news', room)
    }, rooms)
    await until(() => got.length === rooms.length)
    expect(got).toEqual(rooms)
    expect((await statsOf(a)).framesDirected).toBe(before.framesDirected)
  })
})

describe('namespaces', () => {
  test('that a server lacks cost it nothing', async () => {
    const [a, b, c] = await startThree(directing, directing, directing)
    await b.run(({ io, zmq }) => {
      io.of('/only-here')
      return zmq.ready()
    })
    const client = await cluster.connect(b, { nsp: '/only-here' })
    const other = await cluster.connect(c)
    const got = collect(client, 'news')
    await directs(a)
    await cluster.heard(a, other)
    const before = await statsOf(c)
    await a.run(({ io }) => void io.of('/only-here').emit('news', 'to all of it'))
    await until(() => got.length > 0)
    await cluster.heard(a, other)
    expect(got).toEqual(['to all of it'])
    // but for the one to everyone
    expect((await statsOf(c)).messagesReceived - before.messagesReceived).toBe(1)
  })

  test('of a hundred at once are all heard when the server says that it is ready', async () => {
    const [a, b] = await startThree(directing, directing, directing)
    const names = Array.from({ length: 100 }, (_, i) => `/made-${i}`)
    await b.run(async ({ io, zmq }, names) => {
      for (const name of names) io.of(name)
      await zmq.ready()
    }, names)
    const clients = await Promise.all(names.map((nsp) => cluster.connect(b, { nsp })))
    const got = clients.map((client) => collect(client, 'news'))
    await directs(a)
    await a.run(({ io }, names) => {
      for (const name of names) io.of(name).emit('news', name)
    }, names)
    await until(() => got.every((events) => events.length === 1))
    expect(got.flat()).toEqual(names)
  })
})
