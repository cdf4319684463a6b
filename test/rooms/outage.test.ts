import type { Socket as ServerSocket } from 'socket.io'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, until } from '../support/until.js'
import { connectAs, directing, directs, statsOf } from './support.js'

let cluster: TestCluster
let a: NodeProcess
let b: NodeProcess
let broker: TestCluster['brokers'][number]

async function startTwo(requestTimeout: number): Promise<void> {
  const zmq = { ...directing, requestTimeout, memberGraceMs: 60_000 }
  await Promise.all([1, 2].map(() => cluster.startNode({ zmq })))
  await cluster.settled()
  ;[a, b] = cluster.nodes as [NodeProcess, NodeProcess]
}
beforeEach(async () => {
  cluster = new TestCluster()
  broker = await cluster.startBroker()
})
afterEach(() => cluster.stop())

const linksAre = async (state: string) => {
  const stats = await Promise.all([a, b].map(statsOf))
  return stats.every(({ link }) => link === state)
}

async function killBroker(): Promise<void> {
  await broker.process.kill()
  await until(() => linksAre('down'))
}

async function restartBroker(): Promise<void> {
  cluster.brokers = []
  broker = await cluster.startBroker({ pub: broker.pub, sub: broker.sub })
  await until(() => linksAre('up'))
}

test('a join while there is no broker waits for it, and is in force then', async () => {
  await startTwo(600_000)
  const client = await connectAs(cluster, b, 'socket')
  const got = collect(client, 'news')
  await directs(a)
  await killBroker()
  await b.run(({ kept }) => {
    kept.isJoined = false
    void Promise.resolve((kept.socket as ServerSocket).join('room')).then(() => {
      kept.isJoined = true
    })
  })
  expect(await b.run(({ kept }) => kept.isJoined)).toBe(false)
  // the room itself is there at once
  expect(await b.run(({ io }) => io.of('/').adapter.rooms.has('room'))).toBe(true)
  await restartBroker()
  await until(() => b.run(({ kept }) => kept.isJoined as boolean))
  await a.run(({ io }) => void io.to('room').emit('news'))
  await until(() => got.length === 1)
  expect(await statsOf(b)).toMatchObject({ joinsUnconfirmed: 0 })
})

test('a join that waits in vain resolves after requestTimeout, and is counted', async () => {
  await startTwo(200)
  const client = await connectAs(cluster, b, 'socket')
  const got = collect(client, 'news')
  await directs(a)
  await killBroker()
  await b.run(({ kept }) => (kept.socket as ServerSocket).join('room'))
  expect(await statsOf(b)).toMatchObject({ joinsUnconfirmed: 1 })
  await restartBroker()
  await until(async () => {
    await a.run(({ io }) => void io.to('room').emit('news'))
    return got.length > 0
  })
})

test('a join that waits ends with its server', async () => {
  await startTwo(600_000)
  await connectAs(cluster, b, 'socket')
  await killBroker()
  const isJoined = b.run(({ kept }) => (kept.socket as ServerSocket).join('room'))
  await b.run(({ zmq }) => zmq.close().catch(() => {}))
  await isJoined
})

test('what was said to rooms when the broker was killed, and meanwhile, comes when it is back', async () => {
  await startTwo(600_000)
  const rooms = Array.from({ length: 50 }, (_, i) => `room ${i}`)
  const client = await cluster.connect(b, { rooms })
  const got = collect(client, 'news')
  await directs(a)
  await a.run(({ io, kept }, rooms) => {
    let said = 0
    const timer = setInterval(() => {
      for (let i = 0; i < 20; i++) {
        io.to(rooms[said % rooms.length]!).emit('news', said)
        said++
      }
    }, 2)
    kept.stop = () => {
      clearInterval(timer)
      return said
    }
  }, rooms)
  for (let i = 1; i <= 3; i++) {
    await until(() => got.length > 2_000 * i)
    await killBroker()
    await restartBroker()
  }
  const said = await a.run(({ kept }) => (kept.stop as () => number)())
  await until(() => got.length >= said, { timeoutMs: 30_000 })
  expect(got.toSorted((x, y) => Number(x) - Number(y))).toEqual(
    Array.from({ length: said }, (_, i) => i),
  )
  // in each room in the order in which it was said
  for (let room = 0; room < rooms.length; room++) {
    const ofRoom = got.filter((n) => Number(n) % rooms.length === room).map(Number)
    expect(ofRoom).toEqual(ofRoom.toSorted((x, y) => x - y))
  }
  expect(await statsOf(b)).toMatchObject({ framesLost: 0, framesHeldBack: 0 })
})
