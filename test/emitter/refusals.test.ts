import {
  Emitter,
  MessageTooLargeError,
  OptionError,
  UnsendablePartError,
} from 'socket.io-zeromq-emitter'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** Where nobody listens. */
const NO_BROKER = [{ pub: 'tcp://127.0.0.1:1', sub: 'tcp://127.0.0.1:1' }]

let emitter: Emitter
beforeAll(() => {
  emitter = new Emitter({ brokers: NO_BROKER })
})
afterAll(() => emitter.close())

test.each([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
])('emit refuses the reserved event name %s, as a server does', (event) => {
  const refusal = `"${event}" is a reserved event name`
  expect(() => emitter.emit(event)).toThrow(refusal)
  expect(() => emitter.to('room').emit(event)).toThrow(refusal)
  expect(() => emitter.of('/chat').emit(event, 1)).toThrow(refusal)
})

test.each(['connect', 'connection', 'new_namespace'])(
  'serverSideEmit refuses the reserved event name %s, as a server does',
  (event) => {
    const refusal = `"${event}" is a reserved event name`
    expect(() => emitter.serverSideEmit(event)).toThrow(refusal)
    expect(() => emitter.of('/chat').serverSideEmit(event, 1)).toThrow(refusal)
  },
)

test('a callback is refused, since nobody would ever call it', () => {
  const refusal = 'acknowledgements are not supported by the emitter'
  expect(() => emitter.emit('hello', () => {})).toThrow(refusal)
  expect(() => emitter.to('room').emit('hello', 1, () => {})).toThrow(refusal)
  expect(() => emitter.serverSideEmit('hello', () => {})).toThrow(refusal)
})

test('what cannot be sent to another process is refused', () => {
  expect(() => emitter.emit('file', new Blob(['text']))).toThrow(UnsendablePartError)
  expect(() => emitter.emit('file', { in: [new Blob(['text'])] })).toThrow('cannot send a Blob')
})

test('a message larger than the bound is refused, and leaves those beside it alone', async () => {
  const small = new Emitter({ brokers: NO_BROKER, maxMessageBytes: 4096, closeTimeoutMs: 1 })
  small.emit('before')
  expect(() => small.emit('large', 'x'.repeat(4096))).toThrow(MessageTooLargeError)
  small.emit('after')
  expect(small.stats().messagesHeld).toBe(2)
  await expect(small.close()).rejects.toThrow('2 messages')
})

test('what was refused has not been said', async () => {
  expect(() => emitter.emit('disconnect')).toThrow()
  expect(() => emitter.serverSideEmit('hello', 1n)).toThrow()
  const circular: Record<string, unknown> = {}
  circular.self = circular
  expect(() => emitter.emit('hello', circular)).toThrow()
  expect(() => emitter.serverSideEmit('hello', circular)).toThrow()
  expect(() => emitter.serverSideEmit('hello', nested(600))).toThrow(
    'cannot send data to other servers that contains itself, or nests deeper than 512 levels',
  )
  expect(emitter.stats().messagesHeld).toBe(0)
  await emitter.flush()
})

function nested(levels: number): unknown {
  let value: unknown = 'the bottom'
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

describe('a bad option is refused with its name and what it may be:', () => {
  test.each<[object, string]>([
    [{ pubPort: 70_000 }, 'option pubPort must be an integer from 1 to 65535, and not 70000'],
    [{ port: 5555 }, 'unknown option port: the options are key, host, pubPort, subPort'],
    [{ host: '127.0.0.1', brokers: NO_BROKER }, 'option host cannot be combined with brokers'],
    [{ brokers: [] }, "option brokers must be [{ pub: 'tcp://127.0.0.1:5555'"],
    [{ brokers: [{ pub: 'tcp://127.0.0.1:5555' }] }, 'option brokers[0].sub must be an endpoint'],
    [{ key: 'a/b' }, 'option key must be 1 to 200 printable ASCII characters without "/"'],
    [{ parser: {} }, 'option parser must be a Socket.IO parser'],
    [{ pubClient: {} }, "option pubClient must be a ZeroMQ XPublisher (from 'zeromq')"],
  ])('%j', (options, message) => {
    expect(() => new Emitter(options)).toThrow(OptionError)
    expect(() => new Emitter(options)).toThrow(message)
  })
})

test('typed events hold emit to their signatures', async () => {
  interface Events {
    greeting: (text: string, times: number) => void
    ping: () => void
  }
  const typed = new Emitter<Events>({ brokers: NO_BROKER, closeTimeoutMs: 1 })
  typed.emit('greeting', 'hello', 3)
  typed.to('room').volatile.emit('ping')
  typed.of<{ other: (n: number) => void }>('/other').to('room').emit('other', 1)
  // @ts-expect-error the second argument is missing
  typed.emit('greeting', 'hello')
  // @ts-expect-error an argument of another type
  typed.to('room').emit('greeting', 'hello', 'three')
  // @ts-expect-error an event that there is not
  typed.except('room').emit('unknown')
  // @ts-expect-error the events of another namespace
  typed.of<{ other: (n: number) => void }>('/other').emit('ping')
  await expect(typed.close()).rejects.toThrow('7 messages')
})
