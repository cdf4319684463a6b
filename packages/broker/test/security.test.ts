import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { eventsOf } from 'socket.io-zeromq-emitter/bus'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Socket, Subscriber } from 'zeromq'
import { Broker, type BrokerOptions, type Refusal } from 'zmq-broker'
import {
  connectPublisher,
  connectSubscriber,
  drain,
  heardSubscription,
  heardUnsubscription,
  makeKeys,
  startBroker,
  until,
} from './support.js'

/** A broker that takes only who has a key, and all that it tells. */
async function startLocked(options: BrokerOptions = {}) {
  const keys = await makeKeys()
  const broker = new Broker({ pub: 0, sub: 0, settleTime: 0, ...keys.brokerOptions, ...options })
  onTestFinished(() => broker.stop())
  const refusals: Refusal[] = []
  const revoked: string[][] = []
  const warnings: string[] = []
  broker.on('refused', (refusal) => refusals.push(refusal))
  broker.on('revoked', (keys) => revoked.push(keys.map(({ name }) => name)))
  broker.on('warning', (warning) => warnings.push(warning))
  await broker.start()
  const endpoints = broker.endpoints
  return { broker, keys, refusals, revoked, warnings, endpoints, doors: doorsOf(broker) }
}

function doorsOf(broker: Broker) {
  const { pub, sub, emitterSub = '' } = broker.endpoints
  return { pub, sub, emitterSub }
}

/** How the next handshake of a socket ends. */
function handshakeOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    for (const type of [
      'handshake',
      'handshake:error:auth',
      'handshake:error:protocol',
      'handshake:error:other',
    ] as const) {
      eventsOf(socket).on(type, () => resolve(type))
    }
  })
}

/** Receives frames up to one on a topic, and says on what topics they were. */
async function topicsUpTo(last: string, subscriber: Subscriber): Promise<string[]> {
  const topics: string[] = []
  for (;;) {
    const [topic] = await subscriber.receive()
    topics.push(String(topic))
    if (String(topic) === last) return topics
  }
}

const UID = '0123456789abcdef'
const OTHER_UID = 'fedcba9876543210'

describe('a broker with keys', () => {
  it('passes on what a node says to a node, and says who may connect', async () => {
    const { broker, keys, endpoints, refusals } = await startLocked()
    const node = keys.curve(keys.authorized('node'))
    await until(() => expect(broker.authorized).toEqual({ nodes: 1, emitters: 0 }))
    const publisher = connectPublisher(endpoints, node)
    const subscriber = connectSubscriber(endpoints, ['topic'], 1000, node)
    await heardSubscription(publisher, 'topic')
    await publisher.send(['topic', 'body'])
    expect((await subscriber.receive()).map(String)).toEqual(['topic', 'body'])
    expect(subscriber.securityMechanism).toBe('curve')
    expect(broker.publicKey).toBe(node.curveServerKey)
    expect(refusals).toEqual([])
  })

  it('refuses a key that is not authorised, everywhere, and says whose it is', async () => {
    const { keys, refusals, doors } = await startLocked()
    const stranger = keys.make('node', 'stranger')
    const curve = keys.curve(stranger)
    const sockets = [
      connectPublisher(doors, curve),
      connectSubscriber(doors, [''], 1000, curve),
      connectSubscriber({ sub: doors.emitterSub }, [''], 1000, curve),
    ]
    const outcomes = await Promise.all(sockets.map(handshakeOf))
    expect(outcomes).toEqual(Array(3).fill('handshake:error:auth'))
    const told = refusals.map(({ message: _, count: __, ...refusal }) => refusal)
    for (const door of ['pub', 'sub', 'emitterSub'] as const) {
      expect(told).toContainEqual({
        reason: 'unknown-key',
        door,
        endpoint: doors[door],
        address: '127.0.0.1',
        publicKey: stranger.publicKey,
      })
    }
  })

  it('refuses who has no key', async () => {
    const { refusals, endpoints } = await startLocked()
    const outcome = await handshakeOf(connectSubscriber(endpoints, ['']))
    expect(outcome).toMatch(/^handshake:error/)
    await until(() => {
      expect(refusals.some(({ reason }) => reason === 'no-key' || reason === 'ended')).toBe(true)
    })
  })

  it('and who takes it for another broker', async () => {
    const { keys, refusals, endpoints } = await startLocked()
    const curve = keys.curve(keys.authorized('node'))
    const wrong = { ...curve, curveServerKey: keys.make('broker', 'another').publicKey }
    expect(await handshakeOf(connectSubscriber(endpoints, [''], 1000, wrong))).toMatch(/error/)
    await until(() => expect(refusals.map(({ reason }) => reason)).toContain('server-key'))
  })

  it('refuses a server as soon as its key is gone, and lets the others come back', async () => {
    const { broker, keys, refusals, revoked, endpoints } = await startLocked()
    const stays = keys.curve(keys.authorized('node', 'stays'))
    const goes = keys.curve(keys.authorized('node', 'goes'))
    await until(() => expect(broker.authorized?.nodes).toBe(2))
    const publisher = connectPublisher(endpoints, stays)
    void drain(connectSubscriber(endpoints, ['stays'], 1000, stays))
    void drain(connectSubscriber(endpoints, ['goes'], 1000, goes))
    await heardSubscription(publisher, 'goes')

    keys.revoke('goes')
    await heardUnsubscription(publisher, 'goes')
    await heardSubscription(publisher, 'stays')
    expect(revoked).toEqual([['goes']])
    await until(() => {
      expect(refusals).toContainEqual(
        expect.objectContaining({ reason: 'unknown-key', publicKey: goes.curvePublicKey }),
      )
    })
    expect(broker.endpoints).toEqual(endpoints)

    keys.authorize('goes')
    await until(() => expect(broker.authorized?.nodes).toBe(2))
    connectSubscriber(endpoints, ['is back'], 1000, goes)
    await heardSubscription(publisher, 'is back')
  })

  it('refuses a server whose key is now that of an emitter', async () => {
    const { broker, keys, refusals, endpoints } = await startLocked()
    const node = keys.authorized('node', 'web')
    await until(() => expect(broker.authorized?.nodes).toBe(1))
    connectSubscriber(endpoints, ['topic'], 1000, keys.curve(node))
    const publisher = connectPublisher(endpoints, keys.curve(node))
    await heardSubscription(publisher, 'topic')
    const path = join(keys.brokerOptions.authorizedKeys, 'web.pub')
    writeFileSync(path, readFileSync(path, 'utf8').replace('role = "node"', 'role = "emitter"'))
    await until(() => {
      expect(refusals).toContainEqual(
        expect.objectContaining({ reason: 'role', name: 'web', role: 'emitter', door: 'sub' }),
      )
    })
  })

  it('disturbs nobody when the key of one goes who has not connected', async () => {
    const { broker, keys, revoked, endpoints } = await startLocked()
    const stays = keys.curve(keys.authorized('node', 'stays'))
    keys.authorized('node', 'idle')
    await until(() => expect(broker.authorized?.nodes).toBe(2))
    const publisher = connectPublisher(endpoints, stays)
    connectSubscriber(endpoints, ['topic'], 1000, stays)
    await heardSubscription(publisher, 'topic')
    keys.revoke('idle')
    await until(() => expect(broker.authorized?.nodes).toBe(1))
    expect(revoked).toEqual([])
    connectSubscriber(endpoints, ['later'], 1000, stays)
    expect(String((await publisher.receive())[0])).toBe('\x01later')
  })

  it('takes over a folder that has taken the place of the other', async () => {
    const { broker, keys } = await startLocked()
    keys.make('node', 'new')
    const { authorizedKeys } = keys.brokerOptions
    const next = join(keys.folder, 'next')
    mkdirSync(next)
    copyFileSync(join(keys.folder, 'new.pub'), join(next, 'new.pub'))
    renameSync(authorizedKeys, join(keys.folder, 'old'))
    renameSync(next, authorizedKeys)
    await until(() => expect(broker.authorized?.nodes).toBe(1))
  })

  it('keeps the keys while their folder cannot be read, and says so', async () => {
    const { broker, keys, revoked, warnings } = await startLocked()
    keys.authorized('node')
    await until(() => expect(broker.authorized?.nodes).toBe(1))
    renameSync(keys.brokerOptions.authorizedKeys, join(keys.folder, 'away'))
    await until(() => expect(warnings.join()).toContain('cannot read the folder'))
    expect(broker.authorized?.nodes).toBe(1)
    expect(revoked).toEqual([])
  })

  it('warns of files that let nobody in, and of secrets where they do not belong', async () => {
    const { broker, keys, warnings } = await startLocked()
    const { authorizedKeys } = keys.brokerOptions
    keys.make('node', 'leaked')
    copyFileSync(join(keys.folder, 'leaked.key'), join(authorizedKeys, 'leaked.pub'))
    copyFileSync(join(keys.folder, 'broker.pub'), join(authorizedKeys, 'broker.pub'))
    writeFileSync(join(authorizedKeys, 'broken.pub'), 'x')
    writeFileSync(join(authorizedKeys, 'notes.txt'), 'no key file, and not read')
    await until(() => {
      const all = warnings.join('\n')
      expect(all).toContain('leaked.pub holds a secret key')
      expect(all).toContain('broker.pub is the key of a broker, and lets nobody in')
      expect(all).toContain('broken.pub is no key file')
      expect(all).not.toContain('notes')
    })
    expect(broker.authorized).toEqual({ nodes: 1, emitters: 0 })
  })

  it.skipIf(process.platform === 'win32')('warns of what others can change', async () => {
    const keys = await makeKeys()
    const warnings: string[] = []
    chmodSync(keys.brokerOptions.curveKey, 0o644)
    chmodSync(keys.brokerOptions.authorizedKeys, 0o777)
    const broker = new Broker({ pub: 0, sub: 0, settleTime: 0, ...keys.brokerOptions })
    onTestFinished(() => broker.stop())
    broker.on('warning', (warning) => warnings.push(warning))
    await broker.start()
    expect(warnings.join('\n')).toContain(`chmod 600 ${keys.brokerOptions.curveKey}`)
    expect(warnings.join('\n')).toContain(`chmod o-w ${keys.brokerOptions.authorizedKeys}`)
  })

  it('can be stopped while everyone connects again, and started again', async () => {
    const { broker, keys, revoked, endpoints } = await startLocked({ settleTime: 200 })
    const node = keys.curve(keys.authorized('node'))
    await until(() => expect(broker.authorized?.nodes).toBe(1))
    const publisher = connectPublisher(endpoints, node)
    connectSubscriber(endpoints, ['topic'], 1000, node)
    await heardSubscription(publisher, 'topic')
    keys.revoke('node')
    await until(() => expect(revoked).toHaveLength(1))
    await broker.stop()
    expect(() => broker.endpoints).toThrow('does not run')
    await broker.start()
    expect(broker.authorized?.nodes).toBe(0)
  })

  it('shares its process with another that has other keys', async () => {
    const one = await startLocked()
    const other = await startLocked()
    for (const { broker, keys, endpoints } of [one, other]) {
      const node = keys.curve(keys.authorized('node'))
      await until(() => expect(broker.authorized?.nodes).toBe(1))
      const publisher = connectPublisher(endpoints, node)
      connectSubscriber(endpoints, ['topic'], 1000, node)
      await heardSubscription(publisher, 'topic')
    }
    const foreign = other.keys.curve(one.keys.make('node', 'foreign'))
    const outcome = handshakeOf(connectSubscriber(other.endpoints, [''], 1000, foreign))
    expect(await outcome).toBe('handshake:error:auth')
  })
})

describe('an emitter’s key', () => {
  it('lets it publish, and subscribe to what it needs, and no longer than it is there', async () => {
    const { keys, broker, doors } = await startLocked()
    const node = keys.curve(keys.authorized('node'))
    const emitter = keys.curve(keys.authorized('emitter'))
    await until(() => expect(broker.authorized).toEqual({ nodes: 1, emitters: 1 }))
    const speaker = connectPublisher(doors, emitter)
    const observer = connectPublisher(doors, node)
    const own = `socket.io/e/${UID}`
    const subscriber = connectSubscriber({ sub: doors.emitterSub }, [own], 1000, emitter)
    await heardSubscription(speaker, own)
    await heardSubscription(observer, own)
    const everyone = connectSubscriber(doors, ['socket.io/*'], 1000, node)
    await heardSubscription(speaker, 'socket.io/*')

    await speaker.send(['socket.io/*', 'said'])
    expect((await everyone.receive()).map(String)).toEqual(['socket.io/*', 'said'])
    await observer.send([own, 'for the emitter'])
    expect((await subscriber.receive()).map(String)).toEqual([own, 'for the emitter'])

    subscriber.close()
    await heardUnsubscription(observer, own)
  })

  it('does not let it subscribe where servers do', async () => {
    const { keys, broker, refusals, doors } = await startLocked()
    const emitter = keys.curve(keys.authorized('emitter', 'worker'))
    await until(() => expect(broker.authorized?.emitters).toBe(1))
    expect(await handshakeOf(connectSubscriber(doors, [''], 1000, emitter))).toBe(
      'handshake:error:auth',
    )
    expect(refusals).toContainEqual(
      expect.objectContaining({ reason: 'role', door: 'sub', role: 'emitter', name: 'worker' }),
    )
  })

  it('lets it hear nothing of what servers say where emitters subscribe', async () => {
    const { keys, broker, doors } = await startLocked()
    const node = keys.curve(keys.authorized('node'))
    const emitter = keys.curve(keys.authorized('emitter'))
    await until(() => expect(broker.authorized).toEqual({ nodes: 1, emitters: 1 }))
    const speaker = connectPublisher(doors, node)
    const [everyone, nodes, mark] = ['k/*', `k/n/${UID}`, `k/e/${UID}`]
    const others = [everyone, nodes, 'k/b/001', 'k/cards', `k/e/${OTHER_UID}/more`]
    const greedy = ['', 'k', 'k/', 'k/*', 'k/n/', nodes, 'k/b/', 'k/e/', 'k/cards', mark]
    const spy = connectSubscriber({ sub: doors.emitterSub }, greedy, 1000, emitter)
    const whoMay = connectSubscriber(doors, [''], 1000, node)
    const subscriptions: string[] = []
    while (!(subscriptions.includes('') && subscriptions.includes(mark))) {
      subscriptions.push(String((await speaker.receive())[0]).slice(1))
    }
    for (const topic of [...others, mark]) await speaker.send([topic, 'secret'])
    expect(await topicsUpTo(mark, whoMay)).toEqual([...others, mark])
    expect(await topicsUpTo(mark, spy)).toEqual([mark])

    // nor has it subscribed to them for all to see
    whoMay.close()
    await heardUnsubscription(speaker, '')
    connectSubscriber({ sub: doors.emitterSub }, ['k/*', 'k/c'], 1000, emitter)
    expect(String((await speaker.receive())[0])).toBe('\x01k/c')
  })

  it('lets it hear the same without keys, where that place is asked for', async () => {
    const broker = await startBroker({ emitterSub: 0 })
    const doors = doorsOf(broker)
    const speaker = connectPublisher(doors)
    const own = `k/e/${UID}`
    const subscriber = connectSubscriber({ sub: doors.emitterSub }, [own])
    await heardSubscription(speaker, own)
    await speaker.send([own, 'hello'])
    expect((await subscriber.receive()).map(String)).toEqual([own, 'hello'])
  })
})

describe('a broker without keys', () => {
  it('refuses who has one, and says so', async () => {
    const keys = await makeKeys()
    const broker = await startBroker()
    const refusals: Refusal[] = []
    broker.on('refused', (refusal) => refusals.push(refusal))
    const curve = keys.curve(keys.make('node'))
    // one of the two sides may be gone before it has read why
    await until(async () => {
      const outcome = handshakeOf(connectSubscriber(broker.endpoints, [''], 1000, curve))
      expect(await outcome).toMatch(/^handshake:error/)
      expect(refusals.map(({ reason }) => reason)).toContain('has-key')
    })
  })
})
