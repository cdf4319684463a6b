import type { Socket as ServerSocket } from 'socket.io'
import type { Socket } from 'socket.io-client'
import { Emitter } from 'socket.io-zeromq-emitter'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, until } from '../support/until.js'
import { byCost, connectAs, directing, start, statsOf } from './support.js'

describe.each([
  ['always', directing],
  ['where it pays', byCost],
])('where servers direct %s', (_, zmq) => {
  let cluster: TestCluster
  let a: NodeProcess
  let b: NodeProcess
  let client: Socket
  let got: unknown[]
  beforeAll(async () => {
    cluster = await start(zmq, zmq, zmq)
    ;[a, b] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess]
    client = await connectAs(cluster, b, 'socket')
    got = collect(client, 'news')
  })
  afterAll(() => cluster.stop())

  /**
   * Waits until a number of events has come, and expects that they are these, each once, and those of a
   * room in this order. Between rooms their order may change, where a publisher hears of a subscription
   * later than the broker.
   */
  async function expectGot(expected: string[]): Promise<void> {
    await until(() => got.length >= expected.length, {
      what: () => `${got.length} of ${expected.length} have come`,
    })
    expect(byRoom(got.splice(0) as string[])).toEqual(byRoom(expected))
  }

  const join = (rooms: string[]) =>
    b.run(({ kept }, rooms) => (kept.socket as ServerSocket).join(rooms), rooms)
  const names = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${prefix} ${i}`)

  test('what another says to a room after the awaited join arrives, each of hundreds of times', async () => {
    const rooms = names('one by one', 300)
    for (const room of rooms) {
      await join([room])
      await a.run(({ io }, room) => void io.to(room).emit('news', room), room)
    }
    await expectGot(rooms)
  })

  test('a join of hundreds of rooms is waited for once', async () => {
    const rooms = names('together', 500)
    await join(rooms)
    await a.run(({ io }, rooms) => {
      for (const room of rooms) io.to(room).emit('news', room)
    }, rooms)
    await expectGot(rooms)
  })

  test('joins in one breath are in force each', async () => {
    const rooms = names('side by side', 500)
    await b.run(async ({ kept }, rooms) => {
      await Promise.all(rooms.map((room) => (kept.socket as ServerSocket).join(room)))
    }, rooms)
    await a.run(({ io }, rooms) => {
      for (const room of rooms) io.to(room).emit('news', room)
    }, rooms)
    await expectGot(rooms)
  })

  test('a join of a room that others of this server are in resolves at once', async () => {
    await join(['common'])
    const isPromise = await b.run(({ kept }) => {
      const { adapter } = (kept.socket as ServerSocket).nsp
      return adapter.addAll('another', new Set(['common'])) !== undefined
    })
    expect(isPromise).toBe(false)
  })

  test('clients are connected without waiting, and are in their own rooms', async () => {
    const other = await cluster.connect(b)
    const private_ = collect(other, 'private')
    await a.run(({ io }, id) => void io.to(id).emit('private', 1), other.id!)
    await until(() => private_.length === 1)
    const joined = await b.run(({ io }, id) => {
      const { adapter } = io.of('/')
      return adapter.addAll(id, new Set([id])) === undefined
    }, 'AAAAAAAAAAAAAAAAAAAA')
    expect(joined).toBe(true)
  })

  test('what is said right behind socketsJoin() arrives, on every server', async () => {
    const rooms = names('remote', 50)
    await a.run(async ({ io }, rooms) => {
      for (const room of rooms) {
        io.socketsJoin(room)
        io.to(room).emit('news', room)
        await new Promise((resolve) => setImmediate(resolve))
        io.to(room).emit('news', `${room} again`)
      }
    }, rooms)
    await expectGot(rooms.flatMap((room) => [room, `${room} again`]))
  })

  test('what an emitter says right behind its socketsJoin() arrives, too', async () => {
    const rooms = names('by emitter', 50)
    const emitter = await cluster.startEmitter(zmq.direct === 'always' ? { direct: 'always' } : {})
    await emitter.run(async ({ emitter }, rooms) => {
      for (const room of rooms) {
        emitter.socketsJoin(room)
        emitter.to(room).emit('news', room)
        await new Promise((resolve) => setImmediate(resolve))
        emitter.to(room).emit('news', `${room} again`)
      }
      await emitter.close()
    }, rooms)
    await expectGot(rooms.flatMap((room) => [room, `${room} again`]))
  })

  test('what an emitter says that ends at once arrives after the awaited join', async () => {
    const rooms = names('short', 30)
    for (const room of rooms) {
      await join([room])
      const emitter = new Emitter({ brokers: cluster.endpoints, direct: zmq.direct })
      emitter.to(room).emit('news', room)
      await emitter.close()
    }
    await expectGot(rooms)
  })

  test('all this time no join had to go on without certainty', async () => {
    expect(await statsOf(b)).toMatchObject({ joinsUnconfirmed: 0, framesLost: 0 })
  })
})

/** Events sorted by their rooms, and those of a room in the order in which they came. */
function byRoom(events: string[]): string[] {
  const roomOf = (event: string) => event.replace(/ again$/, '')
  return events.toSorted((a, b) => roomOf(a).localeCompare(roomOf(b)))
}
