import { OptionError } from 'socket.io-zeromq-emitter/bus'
import { describe, expect, test } from 'vitest'
import { zmqAdapter } from '../src/index.js'
import { resolveOptions, type ZmqAdapterOptions } from '../src/options.js'

/** What looks like ready-made sockets. */
class XPublisher {
  send() {}
}
class Subscriber {
  subscribe() {}
}

const resolve = (options: unknown) => resolveOptions(options as ZmqAdapterOptions)

test('with no options the broker is looked for on this machine, at its own ports', () => {
  expect(resolve({})).toMatchObject({
    bus: {
      key: 'socket.io',
      brokers: [{ pub: 'tcp://127.0.0.1:5555', sub: 'tcp://127.0.0.1:5556' }],
    },
    requestTimeout: 5_000,
    subscriptionMode: 'static',
  })
})

test('options are taken as they are given', () => {
  const brokers = [
    { pub: 'tcp://10.0.0.1:1', sub: 'tcp://[::1]:65535' },
    { pub: 'ipc:///run/zmq/pub', sub: 'tcp://broker.example.org:5556' },
  ]
  const subscriptionMode = 'dynamic'
  expect(resolve({ key: 'my-chat', brokers, requestTimeout: 1, subscriptionMode })).toMatchObject({
    bus: { key: 'my-chat', brokers },
    requestTimeout: 1,
    subscriptionMode,
  })
  expect(resolve({ host: 'broker', pubPort: 1, subPort: 65_535 }).bus.brokers).toEqual([
    { pub: 'tcp://broker:1', sub: 'tcp://broker:65535' },
  ])
  expect(resolve({ host: '::1' }).bus.brokers[0]!.pub).toBe('tcp://[::1]:5555')
})

test('an option that is undefined has its default', () => {
  const names = ['key', 'host', 'pubPort', 'brokers', 'pubClient', 'journal', 'requestTimeout']
  expect(resolve(Object.fromEntries(names.map((name) => [name, undefined])))).toEqual(resolve({}))
})

describe('a bad option is refused with an error that names it and says what it may be', () => {
  const integers = (name: string, min: number, max: number) =>
    [min - 1, max + 1, 1.5, Number.NaN, '1', null, {}].map(
      (value) =>
        [{ [name]: value }, `option ${name} must be an integer from ${min} to ${max}`] as const,
    )
  const maxMs = 2_147_483_647
  const tcp = 'tcp://127.0.0.1:5555'
  const refused: (readonly [options: unknown, message: string])[] = [
    ...integers('requestTimeout', 1, maxMs),
    ...integers('pubPort', 1, 65_535),
    ...integers('subPort', 1, 65_535),
    ...integers('maxMessageBytes', 4096, maxMs),
    ...integers('highWaterMark', 1, maxMs),
    ...integers('memberGraceMs', 0, maxMs),
    ...integers('closeTimeoutMs', 0, maxMs),
    ...integers('heartbeatIntervalMs', 0, maxMs),
    ...integers('heartbeatTimeoutMs', 1, maxMs),
    ...['', 'a/b', 'with space', 'ключ', 'x'.repeat(201), 7, null].map(
      (key) => [{ key }, 'option key must be 1 to 200 printable ASCII characters'] as const,
    ),
    ...['', 'a b', 'tcp://broker', 7, null].map(
      (host) => [{ host }, 'option host must be a host name or an address'] as const,
    ),
    ...[[], {}, 'tcp://127.0.0.1:5555', null].map(
      (brokers) => [{ brokers }, 'option brokers must be [{ pub:'] as const,
    ),
    [{ brokers: ['tcp://127.0.0.1:5555'] }, 'option brokers[0] must be an object as in'],
    [{ brokers: [{ pub: tcp, sub: tcp }, null] }, 'option brokers[1] must be an object as in'],
    ...[
      '',
      'http://127.0.0.1:5555',
      'tcp://127.0.0.1',
      'tcp://127.0.0.1:0',
      'tcp://a:65536',
      1,
    ].map(
      (pub) =>
        [{ brokers: [{ pub, sub: tcp }] }, 'option brokers[0].pub must be an endpoint'] as const,
    ),
    [{ brokers: [{ pub: tcp }] }, 'option brokers[0].sub must be an endpoint'],
    [{ brokers: [{ pub: tcp, sub: tcp, port: 1 }] }, 'unknown option brokers[0].port'],
    [{ brokers: [{ pub: tcp, sub: tcp }], host: 'x' }, 'option host cannot be combined with'],
    [{ brokers: [{ pub: tcp, sub: tcp }], subPort: 1 }, 'option subPort cannot be combined'],
    ...[7, 'big', null].map(
      (journal) => [{ journal }, 'option journal must be an object'] as const,
    ),
    [{ journal: { maxBytes: -1 } }, 'option journal.maxBytes must be an integer from 0'],
    [{ journal: { bytes: 1 } }, 'unknown option journal.bytes: the options are journal.maxBytes'],
    [{ pubport: 5555 }, 'unknown option pubport: the options are key, host, pubPort'],
    [{ requestsTimeout: 1 }, 'unknown option requestsTimeout'],
    ...['', 'sometimes', true, null, 1n].map(
      (subscriptionMode) =>
        [
          { subscriptionMode },
          'option subscriptionMode must be "static" or "dynamic", and not ',
        ] as const,
    ),
    [{ subscriptionmode: 'static' }, 'unknown option subscriptionmode'],
    [
      { subscriptionMode: 'dynamic', subClient: new Subscriber(), pubClient: new XPublisher() },
      'option subscriptionMode "dynamic" cannot be combined with subClient',
    ],
  ]

  test.each(refused)('%o', (options, message) => {
    expect(() => resolve(options)).toThrow(OptionError)
    expect(() => resolve(options)).toThrow(message)
    expect(() => zmqAdapter(options as ZmqAdapterOptions)).toThrow(message)
  })
})
