import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { Subscriber, XPublisher } from 'zeromq'
import { OptionError } from '../src/bus/errors.js'
import { type BusOptions, resolveBusOptions } from '../src/bus/options.js'
import { formatKeyFile, makeKeyPair, type Role } from '../src/keys/index.js'

const folder = mkdtempSync(join(tmpdir(), 'sioz-curve-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const resolve = (curve: unknown, more: object = {}) =>
  resolveBusOptions({ ...more, curve } as BusOptions)

/** Writes both files of a key. */
function keyOf(role: Role) {
  const pair = makeKeyPair()
  const files = { secret: join(folder, `${role}.key`), open: join(folder, `${role}.pub`) }
  const key = { role, name: role, ...pair }
  writeFileSync(files.secret, formatKeyFile(key, new Date()), { mode: 0o600 })
  const { secretKey: _, ...open } = key
  writeFileSync(files.open, formatKeyFile(open, new Date()))
  return { ...pair, ...files }
}

const broker = keyOf('broker')
const node = keyOf('node')
const emitter = keyOf('emitter')
const other = makeKeyPair()

describe('the option curve', () => {
  it('may be left out', () => {
    const { curve, brokers } = resolve(undefined)
    expect(curve).toBeUndefined()
    expect(brokers[0]).not.toHaveProperty('serverKey')
  })

  it('takes keys as they are', () => {
    const { publicKey, secretKey } = node
    const { curve, brokers } = resolve({ serverKey: broker.publicKey, publicKey, secretKey })
    expect(curve).toEqual({ publicKey, secretKey, role: undefined })
    expect(brokers[0]?.serverKey).toBe(broker.publicKey)
  })

  it('takes the paths of key files, and finds the public key by itself', () => {
    const { curve, brokers } = resolve({ serverKey: broker.open, secretKey: node.secret })
    expect(curve).toEqual({ publicKey: node.publicKey, secretKey: node.secretKey, role: 'node' })
    expect(brokers[0]?.serverKey).toBe(broker.publicKey)
  })

  it('takes the public key from either of one’s own files', () => {
    for (const publicKey of [node.open, node.secret]) {
      const { curve } = resolve({ serverKey: broker.open, publicKey, secretKey: node.secret })
      expect(curve?.publicKey).toBe(node.publicKey)
    }
  })

  it('lets each broker have a key of its own', () => {
    const at = (port: number) => ({ pub: `tcp://a:${port}`, sub: `tcp://a:${port + 1}` })
    const { brokers } = resolve(
      { serverKey: broker.publicKey, secretKey: node.secret },
      { brokers: [at(1), { ...at(3), serverKey: other.publicKey }] },
    )
    expect(brokers.map(({ serverKey }) => serverKey)).toEqual([broker.publicKey, other.publicKey])
    const own = [{ ...at(1), serverKey: broker.open }]
    expect(resolve({ secretKey: node.secret }, { brokers: own }).brokers[0]?.serverKey).toBe(
      broker.publicKey,
    )
  })

  const server = { serverKey: broker.publicKey }
  it.each([
    ['is no object', 'secret', 'option curve must be an object such as'],
    ['has an unknown part', { ...server, key: 'x' }, 'unknown option curve.key'],
    ['has no secret key', server, 'option curve.secretKey must be a key'],
    ['has no server key', { secretKey: node.secret }, 'option curve.serverKey must be a key'],
    ['has an empty key', { ...server, secretKey: '' }, 'and not empty'],
    ['has the path of no file', { ...server, secretKey: '/none/a.key' }, 'there is no such file'],
    ['has another file', { ...server, secretKey: import.meta.filename }, 'is no key file'],
    [
      'has a public file where the secret belongs',
      { ...server, secretKey: node.open },
      'holds a public key only',
    ],
    [
      'has the broker’s key for one’s own',
      { ...server, secretKey: broker.secret },
      'is the key of a broker',
    ],
    [
      'has the secret file of the broker',
      { serverKey: broker.secret, secretKey: node.secret },
      "holds the broker's secret key, which belongs to the broker alone",
    ],
    [
      'has the file of a node where the broker’s belongs',
      { serverKey: node.open, secretKey: emitter.secret },
      'is the key of a node',
    ],
    [
      'has one’s own key where the broker’s belongs',
      { serverKey: node.publicKey, secretKey: node.secretKey },
      "holds one's own key",
    ],
    [
      'has the keys in each other’s place',
      { ...server, publicKey: node.secretKey, secretKey: node.publicKey },
      'option curve.publicKey holds a secret key',
    ],
    [
      'has the secret key twice',
      { ...server, publicKey: node.secretKey, secretKey: node.secretKey },
      'option curve.publicKey holds a secret key',
    ],
    [
      'has keys of two pairs',
      { ...server, publicKey: other.publicKey, secretKey: node.secretKey },
      'option curve.publicKey does not go with curve.secretKey',
    ],
  ])('is refused when it %s', (_, curve, problem) => {
    expect(() => resolve(curve)).toThrow(OptionError)
    expect(() => resolve(curve)).toThrow(problem)
  })

  it('is asked for when a broker has a key', () => {
    const brokers = [{ pub: 'tcp://a:1', sub: 'tcp://a:2', serverKey: broker.publicKey }]
    expect(() => resolve(undefined, { brokers })).toThrow(
      "option brokers[0].serverKey needs one's own key too",
    )
  })

  it('does not go with ready-made sockets', () => {
    const pubClient = new XPublisher()
    const subClient = new Subscriber()
    const curve = { serverKey: broker.open, secretKey: node.secret }
    expect(() => resolve(curve, { pubClient, subClient })).toThrow(
      'option curve cannot be combined with pubClient and subClient',
    )
    pubClient.close()
    subClient.close()
  })

  it.skipIf(process.platform === 'win32')('warns of a secret key that all can read', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const options = { serverKey: broker.open, secretKey: emitter.secret }
    resolve(options)
    expect(warn).not.toHaveBeenCalled()
    chmodSync(emitter.secret, 0o644)
    resolve(options)
    expect(warn.mock.calls[0]?.[0]).toContain(`chmod 600 ${emitter.secret}`)
    warn.mockRestore()
  })
})
