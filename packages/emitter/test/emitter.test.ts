import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import msgpack from 'msgpack-lite'
import { Decoder } from 'socket.io-parser'
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { Bus } from '../src/bus/bus.js'
import { ClosedError, FlushTimeoutError, MessageTooLargeError } from '../src/bus/errors.js'
import { resolveBusOptions } from '../src/bus/options.js'
import { Emitter, type EmitterOptions } from '../src/emitter.js'
import type { NamespaceEmitter } from '../src/namespace-emitter.js'
import type { BroadcastOperator } from '../src/operator.js'
import { Broadcast, UnsendablePartError } from '../src/wire/broadcast.js'
import { MessageType, readClusterMessage } from '../src/wire/cluster.js'
import { freeEndpoints, TestBroker } from './support/broker.js'
import { until } from './support/until.js'

let broker: TestBroker
let node: Bus
/** What the node has heard, a broadcast with its packet decoded. */
let heard: { type: number; nsp: string; [field: string]: unknown }[] = []
const emitters: Emitter[] = []

beforeAll(async () => {
  broker = await TestBroker.start()
  node = new Bus('node', resolveBusOptions({ brokers: [broker.endpoints] }), (message) => {
    if (message.type !== MessageType.BROADCAST) {
      const { type, nsp, data } = readClusterMessage(message)
      heard.push({ type, nsp, ...(data as object) })
      return
    }
    const broadcast = new Broadcast(message)
    const { nsp, rooms, except, flags } = broadcast
    heard.push({
      type: message.type,
      nsp,
      rooms: [...rooms],
      except: [...except],
      flags,
      parts: broadcast.parts(),
    })
  })
  await node.ready()
})

afterAll(async () => {
  await node.close()
  await broker.stop()
})

afterEach(async () => {
  await Promise.all(emitters.splice(0).map((emitter) => emitter.close()))
  heard = []
})

function connect(options: EmitterOptions = {}): Emitter {
  const emitter = new Emitter({ brokers: [broker.endpoints], ...options })
  emitters.push(emitter)
  return emitter
}

/** What the node hears of what is emitted. */
async function hears(emit: (emitter: Emitter) => void, options?: EmitterOptions) {
  const emitter = connect(options)
  const before = heard.length
  emit(emitter)
  emitter.emit('the end')
  await until(() => heard.some(({ parts }) => `${parts}`.includes('the end')))
  return heard.slice(before, -1)
}

/** The packet that Socket.IO's own parser makes of a broadcast's parts. */
function decode(parts: unknown): unknown {
  const packets: unknown[] = []
  const decoder = new Decoder()
  decoder.on('decoded', (packet) => packets.push(packet))
  for (const part of parts as unknown[]) decoder.add(part as string)
  return packets[0]
}

describe('an emitter', () => {
  it('emits to all clients of the main namespace', async () => {
    expect(await hears((emitter) => emitter.emit('hello', 'world', 1))).toEqual([
      {
        type: 3,
        nsp: '/',
        rooms: [],
        except: [],
        flags: {},
        parts: ['2["hello","world",1]'],
      },
    ])
  })

  it('emits to rooms, but not to those of others, with flags', async () => {
    const [message] = await hears((emitter) => {
      emitter
        .to('a')
        .in(['b', 'c'])
        .to('a')
        .except('d')
        .except(['e'])
        .volatile.compress(false)
        .emit('hello')
    })
    expect(message).toMatchObject({
      rooms: ['a', 'b', 'c'],
      except: ['d', 'e'],
      flags: { volatile: true, compress: false },
    })
  })

  it('emits to other namespaces, with or without the slash', async () => {
    const messages = await hears((emitter) => {
      emitter.of('/chat').to('a').emit('hello')
      emitter.of('chat').emit('hello')
      emitter.of('/').emit('hello')
    })
    expect(messages.map(({ nsp, parts }) => [nsp, parts])).toEqual([
      ['/chat', ['2/chat,["hello"]']],
      ['/chat', ['2/chat,["hello"]']],
      ['/', ['2["hello"]']],
    ])
  })

  it('encodes as a Socket.IO server does: dates, binaries, toJSON and undefined', async () => {
    const data = {
      at: new Date(0),
      bytes: Buffer.from('bytes'),
      array: new Uint8Array([1, 2]),
      nothing: undefined,
      own: { toJSON: () => 'made by toJSON' },
    }
    const [message] = await hears((emitter) => emitter.emit('hello', data, Buffer.from('more')))
    expect(decode(message?.parts)).toMatchObject({
      nsp: '/',
      data: [
        'hello',
        {
          at: '1970-01-01T00:00:00.000Z',
          bytes: Buffer.from('bytes'),
          array: Buffer.from([1, 2]),
          own: 'made by toJSON',
        },
        Buffer.from('more'),
      ],
    })
  })

  it('makes sockets join and leave rooms, and disconnects them', async () => {
    const messages = await hears((emitter) => {
      emitter.socketsJoin('a')
      emitter.to('x').except('y').socketsJoin(['a', 'b'])
      emitter.of('/chat').in('x').socketsLeave('a')
      emitter.disconnectSockets()
      emitter.in('x').disconnectSockets(true)
    })
    const everyone = { rooms: [], except: [], flags: {} }
    const inX = { rooms: ['x'], except: [], flags: {} }
    expect(messages).toEqual([
      { type: 4, nsp: '/', opts: everyone, rooms: ['a'] },
      { type: 4, nsp: '/', opts: { ...inX, except: ['y'] }, rooms: ['a', 'b'] },
      { type: 5, nsp: '/chat', opts: inX, rooms: ['a'] },
      { type: 6, nsp: '/', opts: everyone, close: false },
      { type: 6, nsp: '/', opts: inX, close: true },
    ])
  })

  it('emits to the servers themselves', async () => {
    const messages = await hears((emitter) => {
      emitter.serverSideEmit('hello', 1, { bytes: Buffer.from('x') })
      emitter.of('/chat').serverSideEmit('ping')
    })
    expect(messages).toEqual([
      { type: 9, nsp: '/', packet: ['hello', 1, { bytes: Buffer.from('x') }] },
      { type: 9, nsp: '/chat', packet: ['ping'] },
    ])
  })

  it('has operators that never change the one that they came from', async () => {
    const messages = await hears((emitter) => {
      const a = emitter.to('a')
      const ab = a.to('b')
      const notC = ab.except('c')
      const { volatile } = a
      const compressed = a.compress(true)
      for (const operator of [volatile, compressed, notC, ab, a, emitter]) operator.emit('hello')
    })
    expect(messages.map(({ rooms, except, flags }) => [rooms, except, flags])).toEqual([
      [['a'], [], { volatile: true }],
      [['a'], [], { compress: true }],
      [['a', 'b'], ['c'], {}],
      [['a', 'b'], [], {}],
      [['a'], [], {}],
      [[], [], {}],
    ])
  })

  it('does not see what is done later to an array of rooms', async () => {
    const [message] = await hears((emitter) => {
      const rooms = ['a']
      const operator = emitter.to(rooms)
      rooms.push('b')
      operator.emit('hello')
    })
    expect(message?.rooms).toEqual(['a'])
  })

  it.each([
    'connect',
    'connect_error',
    'disconnect',
    'disconnecting',
    'newListener',
    'removeListener',
  ])('does not emit %s, a name that Socket.IO keeps for itself', async (event) => {
    const emitter = connect()
    const message = `"${event}" is a reserved event name`
    expect(() => emitter.emit(event)).toThrow(message)
    expect(() => emitter.of('/chat').to('a').emit(event)).toThrow(message)
  })

  it.each(['connect', 'connection', 'new_namespace'])(
    'does not emit %s to the servers, a name that Socket.IO keeps for itself',
    async (event) => {
      const emitter = connect()
      expect(() => emitter.serverSideEmit(event)).toThrow(`"${event}" is a reserved event name`)
    },
  )

  it('takes no callbacks, since it cannot collect acknowledgements', async () => {
    const emitter = connect()
    const message = /^acknowledgements are not supported by the emitter/
    expect(() => emitter.emit('hello', 1, () => {})).toThrow(message)
    expect(() => emitter.to('a').emit('hello', () => {})).toThrow(message)
    expect(() => emitter.serverSideEmit('hello', () => {})).toThrow(message)
  })

  it('leaves no trace of what it could not emit', async () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    const messages = await hears(
      (emitter) => {
        emitter.emit('first')
        expect(() => emitter.emit('hello', circular)).toThrow()
        expect(() => emitter.emit('hello', new Blob(['x']))).toThrow(UnsendablePartError)
        expect(() => emitter.emit('hello', 'x'.repeat(5000))).toThrow(MessageTooLargeError)
        expect(() => emitter.serverSideEmit('hello', 'x'.repeat(5000))).toThrow(
          MessageTooLargeError,
        )
        expect(() => emitter.serverSideEmit('hello', circular)).toThrow()
        emitter.emit('second')
      },
      { maxMessageBytes: 4096 },
    )
    expect(messages.map(({ parts }) => parts)).toEqual([['2["first"]'], ['2["second"]']])
    expect(node.stats()).toMatchObject({ framesLost: 0, framesMalformed: 0, messagesMalformed: 0 })
  })

  it('encodes with the parser that it is given', async () => {
    class Encoder {
      encode({ nsp, data }: { nsp: string; data?: unknown }) {
        return [msgpack.encode([nsp, data]), 'and a text']
      }
    }
    const parser = { Encoder, Decoder: class {} }
    const emitter = connect({ parser })
    emitter.of('/chat').emit('hello', true)
    await until(() => heard.length > 0)
    const [binary, text] = heard[0]!.parts as [Buffer, string]
    expect([msgpack.decode(binary), text]).toEqual([['/chat', ['hello', true]], 'and a text'])
  })

  it('encodes with a parser that makes one part, and no list', async () => {
    class Encoder {
      encode({ data }: { data?: unknown }) {
        return JSON.stringify(data)
      }
    }
    const emitter = connect({ parser: { Encoder } })
    emitter.emit('hello')
    await until(() => heard.length > 0)
    expect(heard[0]?.parts).toEqual(['["hello"]'])
  })

  it('tells when it is ready, what it has counted, and when its link comes and goes', async () => {
    const own = await TestBroker.start()
    try {
      const emitter = connect({ brokers: [own.endpoints] })
      const events: string[] = []
      const onUp = () => events.push('up')
      expect(emitter.on('link:up', onUp).on('link:down', () => events.push('down'))).toBe(emitter)
      expect(emitter.stats()).toMatchObject({ link: 'down', messagesSent: 0 })
      await emitter.ready()
      await until(() => events.length === 1)
      emitter.emit('hello')
      await emitter.flush()
      expect(emitter.stats()).toMatchObject({ link: 'up', messagesSent: 1, messagesHeld: 0 })
      expect(emitter.off('link:up', onUp)).toBe(emitter)
      await own.stop()
      await until(() => events.length === 2)
      expect(events).toEqual(['up', 'down'])
    } finally {
      await own.stop()
    }
  })

  it('gives up when no broker answers in the time given, and is closed afterwards', async () => {
    const emitter = new Emitter({ brokers: [await freeEndpoints()], closeTimeoutMs: 50 })
    emitter.emit('hello')
    await expect(emitter.flush()).rejects.toThrow(FlushTimeoutError)
    await expect(emitter.close()).rejects.toThrow(FlushTimeoutError)
    await expect(emitter.ready()).rejects.toThrow(ClosedError)
    expect(() => emitter.emit('hello')).toThrow(ClosedError)
    expect(() => emitter.of('/chat').to('a').emit('hello')).toThrow(ClosedError)
  })

  it('lets a script of a few lines deliver its message, and end', async () => {
    const script = `
      import { Emitter } from 'socket.io-zeromq-emitter'
      const emitter = new Emitter({ brokers: [${JSON.stringify(broker.endpoints)}] })
      emitter.to('room').emit('hello', { at: new Date(0) })
      await emitter.close()`
    const { stderr } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      // a process that does not end is killed, which rejects
      { cwd: fileURLToPath(new URL('..', import.meta.url)), timeout: 25_000 },
    )
    expect(stderr).toBe('')
    await until(() => heard.length > 0)
    expect(heard).toMatchObject([
      { rooms: ['room'], parts: ['2["hello",{"at":"1970-01-01T00:00:00.000Z"}]'] },
    ])
  })
})

describe('the types of an emitter', () => {
  interface ServerEvents {
    hello: (name: string, count: number) => void
    done: () => void
  }
  interface ChatEvents {
    message: (text: string) => void
  }
  type Typed = Emitter<ServerEvents>

  it('hold each event to its arguments', () => {
    expectTypeOf<Typed['emit']>().toBeCallableWith('hello', 'world', 1)
    expectTypeOf<Typed['emit']>().toBeCallableWith('done')
    const check = (emitter: Typed) => {
      emitter.emit('hello', 'world', 1)
      emitter.to('a').except('b').volatile.compress(true).emit('done')
      // @ts-expect-error: no such event
      emitter.emit('goodbye')
      // @ts-expect-error: too few arguments
      emitter.emit('hello', 'world')
      // @ts-expect-error: an argument of a wrong type
      emitter.to('a').emit('hello', 'world', '1')
      // @ts-expect-error: too many arguments
      emitter.in('a').emit('done', 1)
    }
    expectTypeOf(check).returns.toBeVoid()
  })

  it('are kept by every operator, and by a namespace unless it is given its own', () => {
    expectTypeOf<ReturnType<Typed['to']>>().toEqualTypeOf<BroadcastOperator<ServerEvents>>()
    expectTypeOf<Typed['volatile']>().toEqualTypeOf<BroadcastOperator<ServerEvents>>()
    const check = (emitter: Typed) => {
      expectTypeOf(emitter.of('/')).toEqualTypeOf<NamespaceEmitter<ServerEvents>>()
      const chat = emitter.of<ChatEvents>('/chat')
      expectTypeOf(chat).toEqualTypeOf<NamespaceEmitter<ChatEvents>>()
      chat.to('a').emit('message', 'text')
      // @ts-expect-error: an event of the other namespace
      chat.emit('done')
    }
    expectTypeOf(check).returns.toBeVoid()
  })

  it('let any event pass where none are given', () => {
    const check = (emitter: Emitter) => {
      emitter.emit('whatever', 1, 'two', { three: 3 })
      emitter.of('/chat').to(['a', 'b']).emit('whatever')
      // @ts-expect-error: a room is a string
      emitter.to(5)
    }
    expectTypeOf(check).returns.toBeVoid()
    expectTypeOf<Emitter['emit']>().returns.toEqualTypeOf<true>()
  })
})
