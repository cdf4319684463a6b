import { chmodSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Broker, BrokerProtectedError } from 'zmq-broker'
import {
  failureOf,
  makeKeys,
  passOneFrame,
  runCommand,
  serve,
  startBroker,
  temporaryFolder,
  until,
} from './support.js'

const OPEN: [options: object, option: string][] = [
  [{ host: '0.0.0.0' }, 'host'],
  [{ host: '::' }, 'host'],
  [{ host: '192.0.2.1' }, 'host'],
  [{ pub: 'tcp://0.0.0.0:0' }, 'pub'],
  [{ sub: 'tcp://*:0' }, 'sub'],
  [{ emitterSub: 'tcp://0.0.0.0:0' }, 'emitterSub'],
]

describe('without keys, a broker that others could reach', () => {
  it.each(OPEN)('does not start: %o', async (options, option) => {
    const broker = new Broker({ pub: 0, sub: 0, ...options })
    const error = await failureOf(broker.start())
    expect(error).toBeInstanceOf(BrokerProtectedError)
    const { message } = error as Error
    expect(message).toContain(`option "${option}" opens the broker to all who reach`)
    expect(message).toContain('npx zmq-broker keygen')
    expect(message).toContain('--insecure')
    expect(() => broker.endpoints).toThrow('does not run')
  })

  it('starts when that is what was asked for', async () => {
    const { endpoints } = await startBroker({ host: '0.0.0.0', insecure: true })
    expect(endpoints.pub).toMatch(/^tcp:\/\/0\.0\.0\.0:\d+$/)
    const pub = endpoints.pub.replace('0.0.0.0', '127.0.0.1')
    const sub = endpoints.sub.replace('0.0.0.0', '127.0.0.1')
    expect(await passOneFrame({ pub, sub })).toEqual(['topic', 'body'])
  })

  it.each([[{ host: 'localhost' }], [{ host: '127.0.0.2' }], [{ pub: 'tcp://127.1.2.3:0' }]])(
    'is one that others cannot reach if it listens on this machine alone: %o',
    async (options) => {
      await startBroker(options)
    },
  )

  it('starts when it has keys', async () => {
    const keys = await makeKeys()
    const { endpoints } = await startBroker({ host: '0.0.0.0', ...keys.brokerOptions })
    expect(endpoints.emitterSub).toMatch(/^tcp:\/\/0\.0\.0\.0:\d+$/)
  })
})

describe('the command', () => {
  it.each([
    [['--host', '0.0.0.0'], '--host'],
    [['--sub', 'tcp://0.0.0.0:0'], '--sub'],
  ])('does not let others in without keys: %o', async (args, flag) => {
    const running = runCommand(args, { ZMQ_BROKER_PUB: '0' })
    expect(await running.exit).toBe(1)
    expect(running.stdout()).toBe('')
    expect(running.stderr()).toMatch(/^zmq-broker: [^\n]*\n$/)
    expect(running.stderr()).toContain(`${flag} opens the broker to all who reach 0.0.0.0`)
    expect(running.stderr()).toContain('make keys with "npx zmq-broker keygen"')
    expect(running.stderr()).toContain('--insecure')
  })

  it.each([
    [['--insecure'], {}],
    [['--insecure', 'yes'], {}],
    [[], { ZMQ_BROKER_INSECURE: '1' }],
    [[], { ZMQ_BROKER_INSECURE: 'true' }],
  ])('lets them in when told so, and warns: %o %o', async (args, env) => {
    const running = await serve(['--host', '0.0.0.0', ...args], env)
    await until(() => expect(running.stderr()).toContain('Warning: unencrypted'))
  })

  it.each([
    [['--insecure', 'no'], {}],
    [[], { ZMQ_BROKER_INSECURE: '0' }],
    [[], { ZMQ_BROKER_INSECURE: 'false' }],
  ])('does not when told not to: %o %o', async (args, env) => {
    const running = runCommand(['--host', '0.0.0.0', ...args], env)
    expect(await running.exit).toBe(1)
    expect(running.stderr()).toContain('opens the broker to all')
  })
})

describe.skipIf(process.platform === 'win32')('an ipc socket', () => {
  it('can be connected to by its owner alone, and the mask of the process stays', async () => {
    const folder = await temporaryFolder()
    chmodSync(folder, 0o777)
    const mask = process.umask()
    const paths = ['pub', 'sub', 'emitters'].map((name) => join(folder, name))
    const [pub, sub, emitterSub] = paths.map((path) => `ipc://${path}`)
    await startBroker({ pub, sub, emitterSub })
    for (const path of paths) expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(process.umask()).toBe(mask)
  })

  it('of the command too', async () => {
    const path = join(await temporaryFolder(), 'sub')
    await serve(['--sub', `ipc://${path}`])
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })
})

describe('a broker whose key files cannot be used says why', () => {
  it.each([
    ['no file', '/none/broker.key', 'there is no such file'],
    ['a public key', (folder: string) => join(folder, 'broker.pub'), 'the public key only'],
    ['a node’s key', (folder: string) => join(folder, 'node.key'), 'this is the key of a node'],
  ])('when its key is %s', async (_, where, problem) => {
    const keys = await makeKeys()
    keys.make('node')
    const curveKey = typeof where === 'string' ? where : where(keys.folder)
    const broker = new Broker({ ...keys.brokerOptions, curveKey, pub: 0, sub: 0, emitterSub: 0 })
    onTestFinished(() => broker.stop())
    const error = await failureOf(broker.start())
    expect(error).toMatchObject({ name: 'BrokerOptionError', option: 'curveKey' })
    expect((error as Error).message).toContain(problem)
  })

  it('when the folder of authorised keys is none', async () => {
    const keys = await makeKeys()
    const broker = new Broker({ ...keys.brokerOptions, authorizedKeys: '/none', pub: 0, sub: 0 })
    const error = await failureOf(broker.start())
    expect(error).toMatchObject({ name: 'BrokerOptionError', option: 'authorizedKeys' })
  })
})
