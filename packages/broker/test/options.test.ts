import { describe, expect, it } from 'vitest'
import { Broker, BrokerOptionError, type BrokerOptions } from 'zmq-broker'

/** An option as plain JavaScript may give it. */
function brokerWith(options: Record<string, unknown>): Broker {
  return new Broker(options as BrokerOptions)
}

describe('an option that may not be so', () => {
  const port = 'must be a port from 0 to 65535, tcp://host:port or ipc:///path'
  const host = 'must be an IP address, a host name or the name of a network interface'
  const frames = 'must be a whole number of frames from 0 to 2147483647'
  const bytes = 'must be a whole number of bytes, 1024 or more, or 0 for no limit'
  const ms = 'must be a whole number of milliseconds from 0 to 3600000'

  it.each([
    ['pub', 65_536, port],
    ['pub', -1, port],
    ['pub', 5555.5, port],
    ['pub', Number.NaN, port],
    ['pub', null, port],
    ['pub', '', port],
    ['pub', '65536', port],
    ['pub', ' 5555', port],
    ['pub', '127.0.0.1:5555', port],
    ['pub', 'tcp://127.0.0.1', port],
    ['pub', 'tcp://127.0.0.1:65536', port],
    ['pub', 'tcp://::1:5555', port],
    ['pub', 'tcp://[127.0.0.1]:5555', port],
    ['pub', 'ipc://', port],
    ['pub', 'ipc://*', port],
    ['pub', 'inproc://broker', port],
    ['sub', 'udp://127.0.0.1:5556', port],
    ['sub', {}, port],
    ['host', '', host],
    ['host', '127.0.0.1:5555', host],
    ['host', 'tcp://127.0.0.1', host],
    ['host', '127.0.0.1 ', host],
    ['host', 0, host],
    ['pubHighWaterMark', -1, frames],
    ['pubHighWaterMark', 1.5, frames],
    ['subHighWaterMark', 2 ** 31, frames],
    ['subHighWaterMark', '1000', frames],
    ['maxMessageSize', 1023, bytes],
    ['maxMessageSize', -1, bytes],
    ['maxMessageSize', Number.POSITIVE_INFINITY, bytes],
    ['heartbeatInterval', -1, ms],
    ['heartbeatInterval', 3_600_001, ms],
    ['heartbeatTimeout', true, ms],
    ['settleTime', 0.5, ms],
    ['emitterSub', 65_536, port],
    ['emitterSub', 'inproc://emitters', port],
    ['curveKey', '', 'must be the path of a private key file'],
    ['curveKey', 1, 'must be the path of a private key file'],
    ['authorizedKeys', ['a.pub'], 'must be the path of a folder'],
    ['insecure', 'yes', 'must be true or false'],
  ])('is named with what it may be: %s %o', (option, value, requirement) => {
    const failure = expect(() => brokerWith({ [option]: value }))
    failure.toThrow(BrokerOptionError)
    failure.toThrow(`option "${option}" ${requirement}`)
  })

  it('is shown as it was given', () => {
    expect(() => brokerWith({ pub: 'abc' })).toThrow(/; it is 'abc'$/)
    expect(() => brokerWith({ pub: 70_000 })).toThrow(/; it is 70000$/)
    expect(() => brokerWith({ pub: { port: 1 } })).toThrow(/; it is {"port":1}$/)
  })

  it('can be told under another name', () => {
    const error = new BrokerOptionError('pub', 'must be a port', 'abc')
    expect(error.messageWith('--pub')).toBe("--pub must be a port; it is 'abc'")
  })
})

describe('a broker’s key and the folder of authorised keys', () => {
  it.each([
    [{ curveKey: 'broker.key' }, 'option "authorizedKeys" must be given too'],
    [{ authorizedKeys: 'clients' }, 'option "curveKey" must be given too'],
  ])('go together: %o', (options, problem) => {
    expect(() => new Broker(options)).toThrow(problem)
  })
})

describe('publishers and subscribers cannot connect to the same place', () => {
  it.each([
    [{ pub: 5000, sub: 5000 }],
    [{ pub: 5556 }],
    [{ sub: '5555' }],
    [{ pub: 5000, sub: 'tcp://127.0.0.1:5000' }],
    [{ pub: 5000, sub: 'tcp://0.0.0.0:5000' }],
    [{ pub: 5000, sub: 'tcp://*:5000' }],
    [{ host: '::', pub: 5000, sub: 'tcp://[::1]:5000' }],
    [{ pub: 'ipc:///tmp/one', sub: 'ipc:///tmp/one' }],
  ])('%o', (options) => {
    const failure = expect(() => new Broker(options))
    failure.toThrow(BrokerOptionError)
    failure.toThrow('option "sub" must not be where publishers connect; it is')
  })

  it.each([
    [{ emitterSub: 5556 }],
    [{ pub: 5557, curveKey: 'broker.key', authorizedKeys: 'clients' }],
  ])('nor emitters: %o', (options) => {
    const failure = expect(() => new Broker(options))
    failure.toThrow('option "emitterSub" must not be where others connect; it is')
  })

  it.each([
    [{ pub: 0, sub: 0 }],
    [{ pub: 0, sub: 0, emitterSub: 0 }],
    [{ pub: 5557 }],
    [{ pub: 5000, sub: 'tcp://127.0.0.2:5000' }],
    [{ pub: 'ipc:///tmp/one', sub: 'ipc:///tmp/two' }],
    [{ pub: 5000, sub: 'ipc:///tmp/5000' }],
  ])('but to different places: %o', (options) => {
    expect(() => new Broker(options)).not.toThrow()
  })
})

describe('an option may', () => {
  it.each([
    [{}],
    [{ host: undefined, pub: undefined, sub: undefined, maxMessageSize: undefined }],
    [{ host: '*' }],
    [{ host: '::1' }],
    [{ host: '[::1]' }],
    [{ host: 'localhost' }],
    [{ host: 'broker-1.example.org' }],
    [{ pub: '5000', sub: 65_535 }],
    [{ pub: 'tcp://*:*', sub: 'tcp://[::]:5556' }],
    [{ pub: 'ipc://relative path', sub: 'ipc://@abstract' }],
    [{ pubHighWaterMark: 0, subHighWaterMark: 2_147_483_647, maxMessageSize: 0 }],
    [{ maxMessageSize: 1024, heartbeatInterval: 0, heartbeatTimeout: 0 }],
    [{ heartbeatInterval: 3_600_000, heartbeatTimeout: 3_600_000 }],
  ])('be so: %o', (options) => {
    expect(() => new Broker(options)).not.toThrow()
  })
})
