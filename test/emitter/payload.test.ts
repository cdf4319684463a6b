import * as msgpackParser from 'socket.io-msgpack-parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EmitterProcess, TestCluster } from '../support/cluster.js'
import { allHasCome, Listener } from '../support/listener.js'
import { until } from '../support/until.js'

describe.each([
  { parser: 'the default parser', msgpack: false },
  { parser: 'socket.io-msgpack-parser', msgpack: true },
])('with $parser', ({ msgpack }) => {
  let cluster: TestCluster
  let emitter: EmitterProcess
  let listeners: Listener[]
  beforeAll(async () => {
    cluster = await TestCluster.start(2, { msgpack })
    emitter = await cluster.startEmitter({ msgpack })
    const parser = msgpack ? { parser: msgpackParser } : {}
    listeners = await Promise.all(
      cluster.nodes.map((node) => Listener.connect(cluster, node, { rooms: ['room'], ...parser })),
    )
  })
  afterAll(() => cluster.stop())

  test('binary arguments arrive as binary, wherever they stand', async () => {
    await emitter.run(({ emitter }) => {
      emitter.to('room').emit('bytes', Buffer.from([1, 2, 3]), {
        nested: [Buffer.from('deep'), { bytes: new Uint8Array([4, 5]) }],
        empty: Buffer.alloc(0),
        large: Buffer.alloc(100_000, 7),
        text: 'beside it',
      })
    })
    await allHasCome(emitter, listeners)
    for (const listener of listeners) {
      const [event] = listener.got.splice(0) as [string, Buffer, Record<string, unknown>][]
      const [name, first, second] = event!
      expect(name).toBe('bytes')
      expect(Buffer.from(first).equals(Buffer.from([1, 2, 3]))).toBe(true)
      const [deep, { bytes }] = second.nested as [Buffer, { bytes: Buffer }]
      expect(Buffer.from(deep).toString()).toBe('deep')
      expect([...Buffer.from(bytes)]).toEqual([4, 5])
      expect(Buffer.from(second.empty as Buffer)).toHaveLength(0)
      expect(Buffer.from(second.large as Buffer).equals(Buffer.alloc(100_000, 7))).toBe(true)
      expect(second.text).toBe('beside it')
    }
  })

  test('text of any alphabet, large integers and empty values arrive as they were', async () => {
    const values = ['grüße, 你好, 🦜', '', 0, -1, 2 ** 40, 1.5, null, true, [], {}, { 'a key': [] }]
    await emitter.run(({ emitter }, values) => {
      emitter.emit('values', ...values)
    }, values)
    await allHasCome(emitter, listeners)
    for (const { got } of listeners) expect(got.splice(0)).toEqual([['values', ...values]])
  })

  test('a message larger than a batch arrives whole, in order with small ones', async () => {
    await emitter.run(({ emitter }) => {
      emitter.emit('before')
      emitter.emit('large', 'x'.repeat(3_000_000))
      emitter.emit('after')
    })
    await allHasCome(emitter, listeners)
    for (const { got } of listeners) {
      const events = got.splice(0)
      expect(events.map(([name]) => name)).toEqual(['before', 'large', 'after'])
      expect(events[1]![1]).toHaveLength(3_000_000)
    }
  })
})

describe('with flags', () => {
  let cluster: TestCluster
  let emitter: EmitterProcess
  let listeners: Listener[]
  beforeAll(async () => {
    cluster = await TestCluster.start(2)
    emitter = await cluster.startEmitter()
    listeners = await Promise.all(cluster.nodes.map((node) => Listener.connect(cluster, node)))
  })
  afterAll(() => cluster.stop())

  test('a volatile event reaches the clients that can take it', async () => {
    await emitter.run(({ emitter }) => {
      emitter.volatile.emit('volatile', 1)
    })
    await allHasCome(emitter, listeners)
    for (const { got } of listeners) expect(got.splice(0)).toEqual([['volatile', 1]])
  })

  test('a volatile event is dropped for a client whose connection cannot take it', async () => {
    const [a] = cluster.nodes
    await a!.run(({ io, kept }) => {
      const [socket] = io.sockets.sockets.values()
      kept.conn = socket!.conn
      socket!.conn.transport.writable = false
    })
    await emitter.run(({ emitter }) => {
      emitter.volatile.emit('dropped')
      emitter.emit('kept')
    })
    await until(() => a!.run(({ kept }) => (kept.conn as Conn).writeBuffer.length > 0))
    await a!.run(({ kept }) => {
      const conn = kept.conn as Conn
      conn.transport.writable = true
      conn.flush()
    })
    await allHasCome(emitter, listeners)
    expect(listeners[0]!.got.splice(0)).toEqual([['kept']])
    expect(listeners[1]!.got.splice(0)).toEqual([['dropped'], ['kept']])
  })

  test('compress says whether the servers compress the event', async () => {
    for (const node of cluster.nodes) {
      await node.run(({ io, kept }) => {
        const compressed: Record<string, boolean> = {}
        kept.compressed = compressed
        const [socket] = io.sockets.sockets.values()
        socket!.conn.on('packetCreate', (packet) => {
          const name = /compress \w+/.exec(String(packet.data))?.[0]
          if (name !== undefined) compressed[name] = packet.options?.compress as boolean
        })
      })
    }
    await emitter.run(({ emitter }) => {
      emitter.emit('compress default')
      emitter.compress(true).emit('compress true')
      emitter.compress(false).emit('compress false')
      emitter.compress(false).compress(true).emit('compress again')
    })
    await allHasCome(emitter, listeners)
    for (const node of cluster.nodes) {
      expect(await node.run(({ kept }) => kept.compressed)).toEqual({
        'compress default': true,
        'compress true': true,
        'compress false': false,
        'compress again': true,
      })
    }
  })
})

/** What the test touches of an Engine.IO connection. */
interface Conn {
  writeBuffer: unknown[]
  transport: { writable: boolean }
  flush(): void
}
