import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import type { Socket } from 'socket.io-client'
import * as msgpackParser from 'socket.io-msgpack-parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { values } from '../fixtures/values.js'
import { type EmitterProcess, type NodeProcess, TestCluster } from '../support/cluster.js'
import { allowManyAttachments, collectFrames, type Frame } from '../support/frames.js'
import { nextEvent } from '../support/until.js'

/** The event behind each tried one, which says that all of that has come. */
const END = 'end'

describe.each([
  { name: 'the default parser', msgpack: false },
  { name: 'socket.io-msgpack-parser', msgpack: true },
])('with $name', ({ msgpack }) => {
  const parser = msgpack ? { parser: msgpackParser } : {}
  const httpServer = createServer()
  const inMemory = new Server(httpServer, parser)
  let cluster: TestCluster
  let a: NodeProcess
  let b: NodeProcess
  let emitter: EmitterProcess
  /** One client each at the in-memory server, at a and at b. */
  let clients: Socket[]
  let frames: Frame[][]

  beforeAll(async () => {
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
    const { port } = httpServer.address() as AddressInfo
    cluster = await TestCluster.start(2, { msgpack })
    ;[a, b] = cluster.nodes as [NodeProcess, NodeProcess]
    emitter = await cluster.startEmitter({ msgpack })
    await emitter.run(({ emitter }) => emitter.ready())
    inMemory.on('connection', (socket) => {
      socket.join('room')
    })
    clients = [
      await cluster.connect({ port }, parser),
      await cluster.connect(a, { ...parser, rooms: ['room'] }),
      await cluster.connect(b, { ...parser, rooms: ['room'] }),
    ]
    for (const client of clients) allowManyAttachments(client)
    frames = clients.map(collectFrames)
  })
  afterAll(async () => {
    await cluster.stop()
    await inMemory.close()
  })

  /** Emits here and in the cluster, and returns the frames that each client has got. */
  async function emitted(
    here: () => void,
    inCluster: () => Promise<unknown>,
  ): Promise<[Frame[], Frame[], Frame[]]> {
    for (const list of frames) list.length = 0
    const ends = clients.map((client) => nextEvent(client, END))
    here()
    inMemory.emit(END)
    await inCluster()
    await Promise.all(ends)
    return frames.map((list) => list.slice()) as [Frame[], Frame[], Frame[]]
  }

  const names = Object.keys(values)

  test.each(names)('%s: a remote client gets the bytes that a local one gets', async (name) => {
    const [expected, local, remote] = await emitted(
      () => inMemory.to('room').emit('tried', ...values[name]!()),
      () =>
        a.run(
          ({ io, values }, { name, END }) => {
            io.to('room').emit('tried', ...values[name]!())
            io.emit(END)
          },
          { name, END },
        ),
    )
    expect(expected.length).toBeGreaterThanOrEqual(2)
    expect(local).toEqual(expected)
    expect(remote).toEqual(expected)
  })

  test.each(names)('%s: the clients of any node get the bytes from an emitter', async (name) => {
    const [expected, onA, onB] = await emitted(
      () => inMemory.to('room').emit('tried', ...values[name]!()),
      () =>
        emitter.run(
          ({ emitter, values }, { name, END }) => {
            emitter.to('room').emit('tried', ...values[name]!())
            emitter.emit(END)
          },
          { name, END },
        ),
    )
    expect(onA).toEqual(expected)
    expect(onB).toEqual(expected)
  })

  test('the name of an event may be any text, and a number', async () => {
    const events = ['', 'ü', '👍', '\ud800', 'a'.repeat(300), 7 as never as string]
    const [expected, local, remote] = await emitted(
      () => {
        for (const event of events) inMemory.emit(event, 1)
      },
      () =>
        a.run(
          ({ io }, { events, END }) => {
            for (const event of events) io.emit(event, 1)
            io.emit(END)
          },
          { events, END },
        ),
    )
    expect(expected).toHaveLength(events.length + 1)
    expect(local).toEqual(expected)
    expect(remote).toEqual(expected)
  })

  test.each(names)('%s: a question for all arrives as an event would', async (name) => {
    // it is decoded and encoded again on its way, to get an id of the receiving server
    const [local, remote] = clients.slice(1).map(
      (client) =>
        new Promise<unknown[]>((resolve) => {
          client.once('question', (...args) => {
            args.pop()()
            resolve(args)
          })
        }),
    )
    await a.run(async ({ io, values }, name) => {
      await io.timeout(60_000).emitWithAck('question', ...values[name]!())
    }, name)
    expect(await remote).toEqual(await local)
  })
})
