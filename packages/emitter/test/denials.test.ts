import { describe, expect, it } from 'vitest'
import { Denials } from '../src/bus/denials.js'
import { endpointOfAddress } from '../src/bus/peer-address.js'

const A = 'tcp://127.0.0.1:5555'
const B = 'tcp://127.0.0.1:5556'

describe('a refusal', () => {
  it.each([
    [true, 'auth', 'key'],
    [true, 'mismatch', 'no-curve'],
    [true, 'protocol', 'handshake'],
    [false, 'auth', 'key'],
    [false, 'mismatch', 'no-key'],
    [false, 'protocol', 'handshake'],
  ] as const)('is told with its reason (with a key: %s; %s: %s)', (usesCurve, failure, reason) => {
    expect(new Denials(usesCurve).failed(A, failure).tell).toBe(reason)
  })

  it('is told once for each endpoint and reason', () => {
    const denials = new Denials(true)
    expect(denials.failed(A, 'auth').tell).toBe('key')
    expect(denials.failed(A, 'auth').tell).toBeUndefined()
    expect(denials.failed(B, 'auth').tell).toBe('key')
    expect(denials.failed(A, 'mismatch').tell).toBe('no-curve')
    expect(denials.failed(A, 'mismatch').tell).toBeUndefined()
  })

  it('is told again when a connection was established in between', () => {
    const denials = new Denials(true)
    denials.failed(A, 'auth')
    expect(denials.areThere).toBe(true)
    denials.established(A)
    expect(denials.areThere).toBe(false)
    expect(denials.failed(A, 'auth').tell).toBe('key')
  })

  it('is followed by another try, ever later, up to four seconds', () => {
    const denials = new Denials(true)
    const tries = Array.from({ length: 50 }, () => denials.failed(A, 'auth').retryInMs)
    expect(tries.slice(0, 6)).toEqual([250, 500, 1000, 2000, 4000, 4000])
    expect(tries.at(-1)).toBe(4000)
    denials.established(A)
    expect(denials.failed(A, 'auth').retryInMs).toBe(250)
  })

  it('is suspected when connections of one who has a key end time after time', () => {
    const denials = new Denials(true)
    const verdicts = Array.from({ length: 20 }, () => denials.failed(A, 'ended'))
    expect(verdicts.filter(({ tell }) => tell !== undefined)).toHaveLength(1)
    expect(verdicts[0]?.tell).toBeUndefined()
    // ZeroMQ tries these again by itself
    expect(verdicts.every(({ retryInMs }) => retryInMs === undefined)).toBe(true)
  })

  it('is not suspected without a key, nor when connections come about in between', () => {
    const without = new Denials(false)
    for (let i = 0; i < 20; i++) expect(without.failed(A, 'ended').tell).toBeUndefined()
    expect(without.areThere).toBe(false)
    const denials = new Denials(true)
    for (let i = 0; i < 20; i++) {
      expect(denials.failed(A, 'ended').tell).toBeUndefined()
      if (i % 3 === 0) denials.established(A)
    }
  })
})

describe('the endpoint of an address is found', () => {
  const two = ['tcp://127.0.0.1:5555', 'tcp://127.0.0.2:5555']

  it.each([
    ['when they are the same', 'ipc:///tmp/a', ['ipc:///tmp/b', 'ipc:///tmp/a'], 'ipc:///tmp/a'],
    [
      'by the port',
      'tcp://[::ffff:10.0.0.1]:5555',
      ['tcp://a:5555', 'tcp://a:5556'],
      'tcp://a:5555',
    ],
    ['by an address within IPv6', 'tcp://[::ffff:127.0.0.2]:5555', two, two[1]],
    ['by an IPv6 address', 'tcp://[::1]:1', ['tcp://[::2]:1', 'tcp://[::1]:1'], 'tcp://[::1]:1'],
    [
      'by what a name stands for',
      'tcp://127.0.0.1:5555',
      ['tcp://192.0.2.1:5555', 'tcp://localhost:5555'],
      'tcp://localhost:5555',
    ],
    ['or it is not', 'tcp://192.0.2.9:5555', two, undefined],
    ['or there is none on the port', 'tcp://127.0.0.1:1', two, undefined],
  ])('%s', async (_, address, endpoints, expected) => {
    expect(await endpointOfAddress(address, endpoints)).toBe(expected)
  })
})
