import { zmqAdapter } from 'socket.io-zeromq'
import { AuthenticationError, Emitter, type EmitterOptions } from 'socket.io-zeromq-emitter'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { Subscriber } from 'zeromq'
import type { Refusal } from 'zmq-broker'
import { TestCluster } from '../support/cluster.js'
import { curveSocketOptions, TestKeys } from '../support/keys.js'
import { allHasCome, Listener } from '../support/listener.js'
import { packed, RawSender } from '../support/raw.js'
import { until } from '../support/until.js'

let cluster: TestCluster
let keys: TestKeys
beforeEach(async () => {
  cluster = new TestCluster()
  keys = await TestKeys.make()
})
afterEach(async () => {
  await cluster.stop()
  await keys.remove()
})

type Locked = Awaited<ReturnType<typeof startLocked>>

/** A broker that takes only who has a key, and what emitters are told of it. */
async function startLocked() {
  const broker = await cluster.startBroker({ pub: 0, sub: 0, emitterSub: 0, ...keys.brokerOptions })
  const { pub, sub } = broker
  const emitterSub = await broker.process.run(({ broker }) => broker.endpoints.emitterSub as string)
  await keepRefusals(broker.process)
  return { process: broker.process, pub, sub, emitterSub, forEmitters: [{ pub, sub: emitterSub }] }
}

async function keepRefusals(broker: TestCluster['brokers'][0]['process']): Promise<void> {
  await broker.run(({ broker }) => {
    const refusals: object[] = []
    Object.assign(globalThis, { refusals })
    broker.on('refused', (refusal) => refusals.push(refusal))
  })
}

function refusalsOf({ process }: Pick<Locked, 'process'>): Promise<Refusal[]> {
  return process.run(() => (globalThis as unknown as { refusals: Refusal[] }).refusals)
}

/** Waits until a broker has told of a refusal that looks like this. */
async function hasRefused(broker: Pick<Locked, 'process'>, like: Partial<Refusal>): Promise<void> {
  await until(
    async () =>
      (await refusalsOf(broker)).some((refusal) =>
        Object.entries(like).every(([name, value]) => refusal[name as keyof Refusal] === value),
      ),
    { what: () => `a refusal like ${JSON.stringify(like)}` },
  )
}

/** An emitter in this process, and the errors it tells of. */
function openEmitter(options: EmitterOptions): { emitter: Emitter; errors: Error[] } {
  const emitter = new Emitter({ closeTimeoutMs: 0, ...options })
  const errors: Error[] = []
  emitter.on('error', (error) => errors.push(error))
  onTestFinished(() => emitter.close().catch(() => {}))
  return { emitter, errors }
}

/** Waits until each of the endpoints has been told of as refusing, for a reason. */
async function refusedAt(errors: Error[], endpoints: string[], reason: string): Promise<void> {
  const at = (endpoint: string) =>
    errors.some(
      (error) =>
        error instanceof AuthenticationError &&
        error.endpoint === endpoint &&
        error.reason === reason,
    )
  await until(() => endpoints.every(at), {
    what: () => `refused for ${reason} at ${endpoints}: ${errors.map(String)}`,
  })
}

test('servers and an emitter that have keys are one cluster', async () => {
  const broker = await startLocked()
  const one = await cluster.startNode({ zmq: { curve: await keys.authorized('node', 'one') } })
  const two = await cluster.startNode({ zmq: { curve: await keys.authorized('node', 'two') } })
  await cluster.settled()
  const emitter = await cluster.startEmitter({
    brokers: broker.forEmitters,
    curve: await keys.authorized('emitter'),
  })
  const clients = [await Listener.connect(cluster, one), await Listener.connect(cluster, two)]
  await emitter.run(({ emitter }) => void emitter.emit('news', 'from the emitter'))
  await one.run(({ io }) => void io.emit('news', 'from a server'))
  await allHasCome(emitter, clients)
  for (const { got } of clients) {
    await until(() => got.length === 2)
    expect(got.map(([, text]) => text).sort()).toEqual(['from a server', 'from the emitter'])
  }
  expect(await two.run(async ({ io }) => (await io.fetchSockets()).length)).toBe(2)
  expect(await emitter.run(({ emitter }) => emitter.stats().members)).toBe(2)
  expect(await refusalsOf(broker)).toEqual([])
})

test('a server whose key is not authorised is told so, and is there once it is', async () => {
  const broker = await startLocked()
  const member = await cluster.startNode({ zmq: { curve: await keys.authorized('node', 'one') } })
  const curve = await keys.make('node', 'late')
  const late = await cluster.startNode({ zmq: { curve } }, { ready: false })
  const { curvePublicKey: publicKey } = curveSocketOptions(curve)
  for (const endpoint of [broker.pub, broker.sub]) {
    const line = `AuthenticationError: the broker at ${endpoint} refuses the key ${publicKey}`
    await until(() => late.stderr.includes(line), { what: () => `${line} in ${late.stderr}` })
  }
  await late.run(({ zmq }) => void zmq.ready())
  expect(await late.run(({ zmq }) => zmq.stats().link)).toBe('down')
  await hasRefused(broker, { reason: 'unknown-key', door: 'sub', publicKey })
  await hasRefused(broker, { reason: 'unknown-key', door: 'pub', publicKey })
  expect(await member.run(({ io }) => io.of('/').adapter.serverCount())).toBe(1)

  await keys.authorize('late')
  await late.run(({ zmq }) => zmq.ready())
  await cluster.settled()
})

test('a client without a key is told that it needs one, and not that there is no broker', async () => {
  const broker = await startLocked()
  const warnings: string[] = []
  const onWarning = (warning: Error) => warnings.push(warning.message)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const { emitter, errors } = openEmitter({ brokers: [{ pub: broker.pub, sub: broker.sub }] })
  await refusedAt(errors, [broker.pub, broker.sub], 'no-key')
  expect(errors[0]?.message).toContain('npx zmq-broker keygen')
  await until(async () =>
    (await refusalsOf(broker)).some(({ reason }) => ['no-key', 'ended'].includes(reason)),
  )
  // it has waited as long for its broker as this one, which has none
  const nowhere = { pub: 'ipc:///tmp/sioz-nobody-pub', sub: 'ipc:///tmp/sioz-nobody-sub' }
  openEmitter({ brokers: [nowhere] })
  await until(() => warnings.some((warning) => warning.includes(nowhere.pub)))
  expect(warnings.filter((warning) => warning.includes(broker.pub))).toEqual([])
  expect(errors).toHaveLength(2)
  expect(emitter.stats().link).toBe('down')
})

test('a client with a key is told that the broker has none', async () => {
  const broker = await cluster.startBroker()
  await keepRefusals(broker.process)
  const { errors } = openEmitter({
    brokers: [{ pub: broker.pub, sub: broker.sub }],
    curve: await keys.make('emitter'),
  })
  await refusedAt(errors, [broker.pub, broker.sub], 'no-curve')
  expect(errors.some(({ message }) => message.includes('leave out option curve'))).toBe(true)
  await hasRefused(broker, { reason: 'has-key' })
})

test('a client that takes the broker for another is told to see to its server key', async () => {
  const broker = await startLocked()
  const { secretKey } = await keys.authorized('node')
  await keys.make('broker', 'another')
  const { serverKey } = await keys.make('node', 'unused')
  const another = serverKey.replace(/broker\.pub$/, 'another.pub')
  const { errors } = openEmitter({
    brokers: [{ pub: broker.pub, sub: broker.sub }],
    curve: { serverKey: another, secretKey },
  })
  await refusedAt(errors, [broker.pub, broker.sub], 'handshake')
  expect(errors[0]?.message).toContain('curve.serverKey')
  await hasRefused(broker, { reason: 'server-key' })
})

test('an adapter tells of a refusal by its event, and does not take the key of an emitter', async () => {
  const broker = await startLocked()
  const brokers = [{ pub: broker.pub, sub: broker.sub }]
  const emitterKey = await keys.authorized('emitter')
  expect(() => zmqAdapter({ brokers, curve: emitterKey })).toThrow('is the key of an emitter')
  const zmq = zmqAdapter({ brokers, curve: await keys.make('node'), closeTimeoutMs: 0 })
  const errors: Error[] = []
  zmq.on('error', (error) => errors.push(error))
  const ready = zmq.ready().catch((error) => error)
  await refusedAt(errors, [broker.pub, broker.sub], 'key')
  await zmq.close().catch(() => {})
  expect(await ready).toMatchObject({ name: 'ClosedError' })
})

test('a key that is taken away shuts its server out, and the others lose nothing', async () => {
  const broker = await startLocked()
  const one = await cluster.startNode({ zmq: { curve: await keys.authorized('node', 'one') } })
  const two = await cluster.startNode({ zmq: { curve: await keys.authorized('node', 'two') } })
  const curve = await keys.authorized('node', 'gone')
  const gone = await cluster.startNode({ zmq: { curve } })
  await cluster.settled()
  const emitter = await cluster.startEmitter({
    brokers: broker.forEmitters,
    curve: await keys.authorized('emitter'),
  })
  const clients = [await Listener.connect(cluster, one), await Listener.connect(cluster, two)]
  const shutOut = await Listener.connect(cluster, gone)
  await emitter.run(({ emitter }) => {
    let i = 0
    const timer = setInterval(() => emitter.emit('emitter', i++), 1)
    Object.assign(globalThis, { stop: () => clearInterval(timer), said: () => i })
  })
  await one.run(({ io, kept }) => {
    let i = 0
    const timer = setInterval(() => io.emit('node', i++), 1)
    kept.stop = () => clearInterval(timer)
    kept.said = () => i
  })
  await until(() => clients.every(({ got }) => got.length >= 200))

  await keys.revoke('gone')
  const { curvePublicKey: publicKey } = curveSocketOptions(curve)
  await hasRefused(broker, { reason: 'unknown-key', door: 'sub', publicKey })
  await until(() => gone.stderr.includes(`refuses the key ${publicKey}`))
  const before = clients.map(({ got }) => got.length)
  const heard = shutOut.got.length
  await until(() => clients.every(({ got }, i) => got.length >= before[i]! + 500))

  const byEmitter = await emitter.run(() => {
    const { stop, said } = globalThis as unknown as { stop(): void; said(): number }
    stop()
    return said()
  })
  const byNode = await one.run(({ kept }) => {
    ;(kept.stop as () => void)()
    return (kept.said as () => number)()
  })
  await until(() => clients.every(({ got }) => got.length >= byEmitter + byNode))
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
  for (const { got } of clients) {
    const of = (sender: string) => got.filter(([event]) => event === sender).map(([, i]) => i)
    expect(of('emitter')).toEqual(numbers(byEmitter))
    expect(of('node')).toEqual(numbers(byNode))
  }
  expect(shutOut.got.length).toBe(heard)
  await until(async () => (await one.run(({ zmq }) => zmq.stats().members)) === 1)
  for (const node of [one, two]) {
    expect((await node.run(({ zmq }) => zmq.stats())).framesLost).toBe(0)
  }
})

test('who has the key of an emitter hears nothing of what servers say', async () => {
  const broker = await startLocked()
  const one = await cluster.startNode({ zmq: { curve: await keys.authorized('node', 'one') } })
  await cluster.startNode({ zmq: { curve: await keys.authorized('node', 'two') } })
  await cluster.settled()
  const curve = curveSocketOptions(await keys.authorized('emitter', 'spy'))
  const topicsAt = (endpoint: string, prefixes: string[]) => {
    const topics: string[] = []
    const socket = new Subscriber({ linger: 0, ...curve })
    onTestFinished(() => socket.close())
    socket.connect(endpoint)
    socket.subscribe(...prefixes)
    const read = async () => {
      for await (const [topic] of socket) topics.push(String(topic))
    }
    read().catch(() => {})
    return topics
  }
  const prefixes = ['', 'socket.io/*', 'socket.io/n/', 'socket.io/b/', 'socket.io/c']
  const atSub = topicsAt(broker.sub, prefixes)
  const atEmitterSub = topicsAt(broker.emitterSub, prefixes)
  await hasRefused(broker, { reason: 'role', door: 'sub', role: 'emitter', name: 'spy' })
  await one.run(async ({ io }) => {
    for (let i = 0; i < 100; i++) io.emit('secret', i)
    await io.fetchSockets()
  })
  // when it has been quiet for a while, it tells all, emitters too, where its sequence stands
  await until(() => atEmitterSub.length > 0)
  expect(atSub).toEqual([])
  expect(new Set(atEmitterSub)).toEqual(new Set(['socket.io/c']))
})

test('who has the key of an emitter gets nothing repaired that was said to servers', async () => {
  const broker = await startLocked()
  const one = await cluster.startNode({ zmq: { curve: await keys.authorized('node', 'one') } })
  const two = await cluster.startNode({ zmq: { curve: await keys.authorized('node', 'two') } })
  await cluster.settled()
  await one.run(({ io }) => {
    for (let i = 0; i < 100; i++) io.emit('secret', i)
  })
  const uidOf = (node: typeof one) =>
    node.run(({ io }) => (io.of('/').adapter as unknown as { uid: string }).uid)
  const victim = await uidOf(one)
  const member = await uidOf(two)
  const curve = curveSocketOptions(await keys.authorized('emitter', 'spy'))
  const spy = new RawSender('XPublisher', broker.pub, curve)
  onTestFinished(() => spy.close())
  const subscriber = new Subscriber({ linger: 0, ...curve })
  onTestFinished(() => subscriber.close())
  subscriber.connect(broker.emitterSub)
  // by its own name, and by that of a server
  const topics = [spy.uid, member].map((uid) => `socket.io/e/${uid}`)
  subscriber.subscribe('socket.io/c', ...topics)
  const repaired: string[] = []
  let isAnswered = false
  const read = async () => {
    for await (const [topic, body] of subscriber) {
      if (body?.includes('secret')) repaired.push(String(topic))
      if (String(topic) === 'socket.io/c' && body?.includes(spy.uid)) isAnswered = true
    }
  }
  read().catch(() => {})
  for (const topic of topics) await spy.subscribed(topic)
  await spy.subscribed(`socket.io/n/${victim}`)
  for (const uid of [spy.uid, member]) {
    const nak = packed([1, uid, 0], [33, 'socket.io/*', 1, 1000])
    await spy.send(`socket.io/n/${victim}`, nak)
  }
  // the answer to this comes behind those to the others
  await spy.send(`socket.io/n/${victim}`, packed([1, spy.uid, 0], [37]))
  await until(() => isAnswered)
  expect(repaired).toEqual([])
})

test('an emitter that subscribes where servers do is told where its place is', async () => {
  const broker = await startLocked()
  const { errors, emitter } = openEmitter({
    brokers: [{ pub: broker.pub, sub: broker.sub }],
    curve: await keys.authorized('emitter', 'worker'),
  })
  await refusedAt(errors, [broker.sub], 'key')
  expect(errors[0]?.message).toContain('--emitter-sub')
  await hasRefused(broker, { reason: 'role', door: 'sub', name: 'worker' })
  expect(emitter.stats().link).toBe('down')
  expect(errors).toHaveLength(1)
})

test('an emitter whose broker is restarted with the same keys is back, and loses nothing', async () => {
  const broker = await startLocked()
  const node = await cluster.startNode({ zmq: { curve: await keys.authorized('node') } })
  const emitter = await cluster.startEmitter({
    brokers: broker.forEmitters,
    curve: await keys.authorized('emitter'),
  })
  await emitter.run(({ emitter }) => emitter.ready())
  const client = await Listener.connect(cluster, node)
  await broker.process.kill()
  await emitter.run(({ emitter }) => void emitter.emit('news', 'meanwhile'))
  const { pub, sub, emitterSub } = broker
  await cluster.startBroker({ pub, sub, emitterSub, ...keys.brokerOptions })
  await allHasCome(emitter, [client])
  expect(client.got).toEqual([['news', 'meanwhile']])
})
