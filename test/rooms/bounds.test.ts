import type { Socket as ServerSocket } from 'socket.io'
import { BUCKETS } from 'socket.io-zeromq-emitter/bus'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, until } from '../support/until.js'
import { connectAs, directing, directs, start, statsOf } from './support.js'

let cluster: TestCluster
let a: NodeProcess
let b: NodeProcess
beforeEach(async () => {
  cluster = await start(directing, directing)
  ;[a, b] = cluster.nodes as [NodeProcess, NodeProcess]
})
afterEach(() => cluster.stop())

test('however many rooms come and go, a server subscribes to no more than there are buckets', async () => {
  const client = await connectAs(cluster, b, 'socket')
  const got = collect(client, 'news')
  const { bucketsSubscribed: atFirst } = await statsOf(b)
  await b.run(async ({ kept }) => {
    const socket = kept.socket as ServerSocket
    for (let round = 0; round < 20; round++) {
      const rooms = Array.from({ length: 1_000 }, (_, i) => `room ${round} ${i}`)
      await socket.join(rooms)
      for (const room of rooms) socket.leave(room)
    }
    await socket.join('the last')
  })
  const { bucketsSubscribed, joinsUnconfirmed } = await statsOf(b)
  expect(bucketsSubscribed).toBeGreaterThan(BUCKETS / 2)
  expect(bucketsSubscribed).toBeLessThanOrEqual(BUCKETS)
  expect(joinsUnconfirmed).toBe(0)
  await directs(a)
  await a.run(({ io }) => void io.to('the last').emit('news', 'heard'))
  await until(() => got.length === 1)
  // those that nobody is in any more are left after a while
  await until(async () => (await statsOf(b)).bucketsSubscribed === atFirst + 1, {
    timeoutMs: 30_000,
  })
  await a.run(({ io }) => void io.to('the last').emit('news', 'still heard'))
  await until(() => got.length === 2)
  expect(await statsOf(b)).toMatchObject({ framesLost: 0, framesHeldBack: 0 })
})

test('rooms that come and go thousands of times do not disturb what is said to them', async () => {
  const client = await connectAs(cluster, b, 'socket')
  const got = collect(client, 'news')
  await directs(a)
  await b.run(({ kept }) => (kept.socket as ServerSocket).join('steady'))
  const churn = b.run(async ({ kept }) => {
    const socket = kept.socket as ServerSocket
    for (let i = 0; i < 5_000; i++) {
      socket.join(`busy ${i % 50}`)
      socket.leave(`busy ${(i + 25) % 50}`)
      if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  })
  const saying = a.run(async ({ io }) => {
    for (let i = 0; i < 1_000; i++) {
      io.to('steady').emit('news', i)
      io.to(`busy ${i % 50}`).emit('noise')
      await new Promise((resolve) => setImmediate(resolve))
    }
  })
  await Promise.all([churn, saying])
  await cluster.heard(a, client)
  expect(got).toEqual(Array.from({ length: 1_000 }, (_, i) => i))
  expect(await statsOf(b)).toMatchObject({ framesLost: 0, framesHeldBack: 0 })
})
