import { describe, expect, it, onTestFinished } from 'vitest'
import { Publisher, Subscriber, XPublisher } from 'zeromq'
import { Bus } from '../src/bus/bus.js'
import { OptionError } from '../src/bus/errors.js'
import { BUS_OPTION_NAMES, type BusOptions, resolveBusOptions } from '../src/bus/options.js'
import { Emitter } from '../src/emitter.js'

const resolve = (options: object) => resolveBusOptions(options as BusOptions)

const MAX_MS = 2_147_483_647
const BROKER = { pub: 'tcp://127.0.0.1:5555', sub: 'tcp://127.0.0.1:5556' }

/** Each integer option, with its bounds and its default. */
const INTEGERS: [name: string, min: number, max: number, byDefault: number][] = [
  ['journal.maxBytes', 0, Number.MAX_SAFE_INTEGER, 33_554_432],
  ['journal.maxAgeMs', 0, MAX_MS, 60_000],
  ['maxMessageBytes', 4096, 2_147_483_647, 67_108_864],
  ['highWaterMark', 1, 2_147_483_647, 10_000],
  ['memberGraceMs', 0, MAX_MS, 2_000],
  ['closeTimeoutMs', 0, MAX_MS, 5_000],
  ['heartbeatIntervalMs', 0, MAX_MS, 2_000],
  ['heartbeatTimeoutMs', 1, MAX_MS, 6_000],
]

/** An options object with a value at `a.b`. */
function nested(name: string, value: unknown): object {
  const [outer, inner] = name.split('.') as [string, string?]
  return inner === undefined ? { [outer]: value } : { [outer]: { [inner]: value } }
}

function valueAt(options: object, name: string): unknown {
  return name
    .split('.')
    .reduce((value, key) => (value as Record<string, unknown>)[key], options as unknown)
}

/** Sockets that are closed after the test. */
function sockets() {
  const pubClient = new XPublisher()
  const subClient = new Subscriber()
  onTestFinished(() => {
    pubClient.close()
    subClient.close()
  })
  return { pubClient, subClient }
}

describe('the options', () => {
  it('may all be left out', () => {
    expect(resolve({})).toMatchObject({ key: 'socket.io', brokers: [BROKER], clients: undefined })
  })

  it('find one broker by its host and ports', () => {
    const { brokers } = resolve({ host: 'broker.example', pubPort: 1, subPort: 65_535 })
    expect(brokers).toEqual([{ pub: 'tcp://broker.example:1', sub: 'tcp://broker.example:65535' }])
  })

  it('take an IPv6 address as it is written, with brackets or without', () => {
    for (const host of ['::1', '[::1]']) {
      expect(resolve({ host }).brokers).toEqual([
        { pub: 'tcp://[::1]:5555', sub: 'tcp://[::1]:5556' },
      ])
    }
  })

  it('find several brokers by their endpoints', () => {
    const brokers = [
      BROKER,
      { pub: 'tcp://[::1]:1', sub: 'tcp://broker.example:65535' },
      { pub: 'ipc:///run/zmq/pub', sub: 'inproc://sub' },
    ]
    expect(resolve({ brokers })).toMatchObject({ brokers, clients: undefined })
  })

  it('take ready-made sockets', () => {
    const { pubClient, subClient } = sockets()
    const { brokers, clients } = resolve({ pubClient, subClient })
    expect(brokers).toEqual([])
    expect(clients?.pub === pubClient && clients.sub === subClient).toBe(true)
  })

  it.each(INTEGERS)(
    'take for %s an integer from %i to %i, by default %i',
    (name, min, max, byDefault) => {
      expect(valueAt(resolve({}), name)).toBe(byDefault)
      for (const value of [min, max]) {
        expect(valueAt(resolve(nested(name, value)), name)).toBe(value)
      }
    },
  )

  it.each(
    INTEGERS.flatMap(([name, min, max]) =>
      [
        min - 1,
        max + 1,
        0.5,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        '5',
        null,
        true,
        {},
        [5],
        5n,
      ].map((value) => [name, value, min, max] as const),
    ),
  )('refuse %s = %o, and say what it may be', (name, value, min, max) => {
    const refuse = () => resolve(nested(name, value))
    expect(refuse).toThrow(OptionError)
    expect(refuse).toThrow(`option ${name} must be an integer from ${min} to ${max}, and not `)
  })

  it.each(
    ['pubPort', 'subPort'].flatMap((name) =>
      [0, 65_536, -1, 1.5, '5555', null].map((value) => [name, value] as const),
    ),
  )('refuse %s = %o, and say what it may be', (name, value) => {
    const refuse = () => resolve({ [name]: value })
    expect(refuse).toThrow(OptionError)
    expect(refuse).toThrow(`option ${name} must be an integer from 1 to 65535, and not `)
  })

  it.each([
    ['key', '', '1 to 200 printable ASCII characters without "/"'],
    ['key', 'a/b', '1 to 200 printable ASCII characters without "/"'],
    ['key', 'a b', '1 to 200 printable ASCII characters without "/"'],
    ['key', 'schlüssel', '1 to 200 printable ASCII characters without "/"'],
    ['key', 'a\n', '1 to 200 printable ASCII characters without "/"'],
    ['key', 'x'.repeat(201), '1 to 200 printable ASCII characters without "/"'],
    ['key', 5, '1 to 200 printable ASCII characters without "/"'],
    ['key', null, '1 to 200 printable ASCII characters without "/"'],
    ['host', '', 'a host name or an address'],
    ['host', 'tcp://127.0.0.1', 'a host name or an address'],
    ['host', 'a b', 'a host name or an address'],
    ['host', 127, 'a host name or an address'],
    ['host', null, 'a host name or an address'],
    ['journal', null, 'an object such as { maxBytes: 33554432 }'],
    ['journal', 1024, 'an object such as { maxBytes: 33554432 }'],
    ['brokers', [], "[{ pub: 'tcp://127.0.0.1:5555', sub: 'tcp://127.0.0.1:5556' }]"],
    ['brokers', {}, "[{ pub: 'tcp://127.0.0.1:5555', sub: 'tcp://127.0.0.1:5556' }]"],
    ['brokers', null, "[{ pub: 'tcp://127.0.0.1:5555', sub: 'tcp://127.0.0.1:5556' }]"],
    ['brokers', 'tcp://127.0.0.1:5555', "[{ pub: 'tcp://127.0.0.1:5555', sub:"],
  ])('refuse %s = %o, and say that it must be %s', (name, value, expected) => {
    const refuse = () => resolve({ [name]: value })
    expect(refuse).toThrow(OptionError)
    expect(refuse).toThrow(`option ${name} must be ${expected}`)
  })

  it.each([
    '127.0.0.1:5555',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:0',
    'tcp://127.0.0.1:65536',
    'tcp://127.0.0.1:*',
    'tcp://:5555',
    'tcp://::1:5555',
    'http://127.0.0.1:5555',
    'udp://127.0.0.1:5555',
    'ipc://',
    'ipc://with space',
    '',
    5555,
    null,
    undefined,
  ])('refuse the endpoint %o of a broker, and say which it is and what it may be', (value) => {
    for (const side of ['pub', 'sub'] as const) {
      const refuse = () => resolve({ brokers: [BROKER, { ...BROKER, [side]: value }] })
      expect(refuse).toThrow(OptionError)
      expect(refuse).toThrow(
        `option brokers[1].${side} must be an endpoint such as "tcp://127.0.0.1:5555"`,
      )
    }
  })

  it('refuse a broker that is no object, or has something else in it', () => {
    expect(() => resolve({ brokers: [BROKER, 'tcp://127.0.0.1:5555'] })).toThrow(
      /^option brokers\[1\] must be an object as in \[\{ pub: .*and not "tcp:\/\/127\.0\.0\.1:5555"$/,
    )
    expect(() => resolve({ brokers: [{ ...BROKER, port: 1 }] })).toThrow(
      'unknown option brokers[0].port: the options are brokers[0].pub, brokers[0].sub',
    )
  })

  it.each([
    ['host', { host: 'localhost' }],
    ['pubPort', { pubPort: 5555 }],
    ['subPort', { subPort: 5556 }],
  ])('refuse %s together with brokers', (name, options) => {
    const refuse = () => resolve({ brokers: [BROKER], ...options })
    expect(refuse).toThrow(OptionError)
    expect(refuse).toThrow(`option ${name} cannot be combined with brokers`)
  })

  it.each([
    ['host', { host: 'localhost' }],
    ['pubPort', { pubPort: 5555 }],
    ['subPort', { subPort: 5556 }],
    ['brokers', { brokers: [BROKER] }],
  ])('refuse %s together with ready-made sockets', (name, options) => {
    const refuse = () => resolve({ ...sockets(), ...options })
    expect(refuse).toThrow(OptionError)
    expect(refuse).toThrow(`option ${name} cannot be combined with pubClient and subClient`)
  })

  it('refuse one ready-made socket without the other', () => {
    const { pubClient, subClient } = sockets()
    expect(() => resolve({ pubClient })).toThrow(/^option subClient must be a ZeroMQ Subscriber/)
    expect(() => resolve({ subClient })).toThrow(/^option pubClient must be a ZeroMQ XPublisher/)
  })

  it('refuse sockets of other kinds, and things that are none', () => {
    const { pubClient, subClient } = sockets()
    const publisher = new Publisher()
    onTestFinished(() => publisher.close())
    for (const value of [publisher, subClient, {}, 'tcp://127.0.0.1:5555', null, 5]) {
      const refuse = () => resolve({ pubClient: value, subClient })
      expect(refuse).toThrow(OptionError)
      expect(refuse).toThrow(
        /^option pubClient must be a ZeroMQ XPublisher \(from 'zeromq'\), and not/,
      )
    }
    for (const value of [pubClient, {}, null, 5]) {
      const refuse = () => resolve({ pubClient, subClient: value })
      expect(refuse).toThrow(OptionError)
      expect(refuse).toThrow(
        /^option subClient must be a ZeroMQ Subscriber \(from 'zeromq'\), and not/,
      )
    }
  })

  it('take sockets of another copy of the library', () => {
    const pubClient = new (class XPublisher {
      send() {}
    })()
    const subClient = new (class Subscriber {
      subscribe() {}
    })()
    expect(resolve({ pubClient, subClient }).clients).toEqual({ pub: pubClient, sub: subClient })
  })

  it('say what a bad value was', () => {
    const shown = (value: unknown) => {
      try {
        resolve({ closeTimeoutMs: value })
      } catch (error) {
        return (error as Error).message.replace(/^.*, and not /, '')
      }
      throw new Error('it was taken')
    }
    const values = ['5 s', null, [1, 2], new Map(), -1]
    expect(values.map(shown)).toEqual(['"5 s"', 'null', 'an array of 2', 'a Map', '-1'])
  })

  it('refuse an unknown option where a user gives it, and name those that there are', () => {
    const refuse = () => new Emitter({ pubport: 5555 } as never)
    expect(refuse).toThrow(OptionError)
    expect(refuse).toThrow(/^unknown option pubport: the options are key, host, pubPort, /)
    for (const name of BUS_OPTION_NAMES) expect(refuse).toThrow(name)
    expect(() => resolve({ journal: { maxbytes: 5 } })).toThrow(
      'unknown option journal.maxbytes: the options are journal.maxBytes, journal.maxAgeMs',
    )
  })

  it('refuse a parser that is none', () => {
    for (const parser of [null, 5, {}, { Encoder: {} }, { Decoder: class {} }]) {
      const refuse = () => new Emitter({ parser: parser as never })
      expect(refuse).toThrow(OptionError)
      expect(refuse).toThrow(
        /^option parser must be a Socket\.IO parser, .*socket\.io-msgpack-parser/,
      )
    }
  })

  it('are refused where ZeroMQ cannot connect, with its reason and what to do', () => {
    const options = resolve({
      brokers: [{ pub: 'inproc://nobody', sub: `ipc://${'x'.repeat(200)}` }],
    })
    const connect = () => new Bus('node', options, () => {})
    expect(connect).toThrow(OptionError)
    expect(connect).toThrow(/^cannot connect to ipc:\/\/x{200}: .*; check the host, port or path$/)
  })
})
