import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { Publisher, Subscriber, XPublisher } from 'zeromq'
import { Bus, type BusKind } from '../src/bus/bus.js'
import { ClosedError, FlushTimeoutError, JournalOverflowError } from '../src/bus/errors.js'
import { type BrokerEndpoints, type BusOptions, resolveBusOptions } from '../src/bus/options.js'
import { NO_STATS } from '../src/bus/stats.js'
import { MalformedFrameError, type MsgpackWriter } from '../src/wire/msgpack.js'
import { freeEndpoints, TestBroker } from './support/broker.js'
import { Gate } from './support/gate.js'
import { until } from './support/until.js'
import { encodeAll, UID } from './support/values.js'

const buses: Bus[] = []
const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  // first the buses, while their brokers are there
  await Promise.all(buses.splice(0).map((bus) => bus.close().catch(() => {})))
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function startBroker(endpoints?: BrokerEndpoints): Promise<TestBroker> {
  const broker = await TestBroker.start(endpoints)
  cleanUps.push(() => broker.stop())
  return broker
}

async function closedGate(broker: TestBroker): Promise<Gate> {
  const gate = await Gate.before(broker.endpoints)
  cleanUps.push(() => gate.close())
  return gate
}

/** A bus that remembers what it hears. */
class TestBus extends Bus {
  readonly heard: string[] = []
  readonly errors: Error[] = []
  readonly events: string[] = []

  constructor(kind: BusKind, options: BusOptions, onWords = (_: string): void => {}) {
    super(kind, resolveBusOptions({ closeTimeoutMs: 10_000, ...options }), ({ reader }) => {
      const words = reader.string()
      this.heard.push(words)
      onWords(words)
    })
    this.on('error', (error) => this.errors.push(error))
    for (const event of ['link:up', 'link:down', 'member:join', 'member:leave', 'gap'] as const) {
      this.on(event, () => this.events.push(event))
    }
    buses.push(this)
  }

  /** Says something to every node. */
  tell(text: string): void {
    this.say(this.topics.everyone, words(text))
  }
}

/** Writes the message `[9, text]`. */
const words = (text: string) => (writer: MsgpackWriter) => {
  writer.arrayHeader(2)
  writer.uint(9)
  writer.string(text)
}

const at = (...brokers: { endpoints: BrokerEndpoints }[]): BusOptions => ({
  brokers: brokers.map(({ endpoints }) => endpoints),
})

/** Nodes that see each other. */
async function nodesAt(brokers: { endpoints: BrokerEndpoints }[], count: number, options = {}) {
  const nodes = Array.from(
    { length: count },
    () => new TestBus('node', { ...at(...brokers), ...options }),
  )
  await Promise.all(nodes.map((node) => node.ready()))
  await until(() => nodes.every(({ memberCount }) => memberCount === count - 1))
  return nodes
}

async function readyEmitter(...brokers: { endpoints: BrokerEndpoints }[]): Promise<TestBus> {
  const emitter = new TestBus('emitter', at(...brokers))
  await emitter.ready()
  return emitter
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

describe('a bus', () => {
  it('is ready when the way to a broker and back is open', async () => {
    const broker = await startBroker()
    const node = new TestBus('node', at(broker))
    expect(node.stats().link).toBe('down')
    await node.ready()
    expect(node.stats().link).toBe('up')
    expect(node.events).toEqual(['link:up'])
    await node.ready()
  })

  it('carries messages to every node in the order in which they were said, and to nobody else', async () => {
    const broker = await startBroker()
    const [first, second] = (await nodesAt([broker], 2)) as [TestBus, TestBus]
    const emitter = await readyEmitter(broker)
    for (const words of numbers(200)) {
      emitter.tell(words)
      if (Number(words) % 10 === 0) await turn()
    }
    await until(() => [first, second].every(({ heard }) => heard.length >= 200))
    first.tell('from a node')
    await until(() => second.heard.length > 200)
    expect(second.heard).toEqual([...numbers(200), 'from a node'])
    expect(first.heard).toEqual(numbers(200))
    expect(emitter.heard).toEqual([])
  })

  it('carries messages to one node', async () => {
    const broker = await startBroker()
    const [first, second, third] = (await nodesAt([broker], 3)) as [TestBus, TestBus, TestBus]
    first.say(first.topics.node(second.uid), words('for you'))
    first.tell('for all')
    await until(() => second.heard.length === 2 && third.heard.length === 1)
    expect(second.heard.toSorted()).toEqual(['for all', 'for you'])
    expect(third.heard).toEqual(['for all'])
  })

  it('says nothing to nodes of another key at the same broker', async () => {
    const broker = await startBroker()
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    const others = await nodesAt([broker], 2, { key: 'socket.io2' })
    const [other] = others as [TestBus, TestBus]
    other.tell('among us')
    const emitter = new TestBus('emitter', { ...at(broker), key: 'socket.io2' })
    emitter.tell('to you')
    await until(() => others[1]?.heard.length === 2 && other.heard.length === 1)
    const own = await readyEmitter(broker)
    own.tell('of our own')
    await until(() => node.heard.length > 0)
    expect(node.heard).toEqual(['of our own'])
    expect([node.memberCount, other.memberCount]).toEqual([0, 1])
    expect(node.stats().framesMalformed).toBe(0)
  })

  it('holds what is said until a broker comes', async () => {
    const endpoints = await freeEndpoints()
    const emitter = new TestBus('emitter', { brokers: [endpoints] })
    for (const words of numbers(10)) {
      emitter.tell(words)
      await turn()
    }
    expect(emitter.stats()).toMatchObject({ link: 'down', messagesHeld: 10, messagesSent: 0 })
    const flushed = emitter.flush()
    await startBroker(endpoints)
    await flushed
    expect(emitter.stats()).toMatchObject({ link: 'up', messagesHeld: 0, messagesSent: 10 })
  })

  it('brings to every node what was said before its own link was up, however much it is', async () => {
    const broker = await startBroker()
    const gate = await closedGate(broker)
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    const emitter = new TestBus('emitter', at(gate))
    const words = numbers(300).map((n) => `${n} ${'x'.repeat(10_000)}`)
    for (const each of words) {
      emitter.tell(each)
      await turn()
    }
    // the marks of these are older than the probes that will open the link
    const closed = Promise.all([emitter.flush(), emitter.flush(), emitter.close()])
    await gate.open()
    await closed
    await until(() => node.heard.length >= words.length)
    expect(node.heard).toEqual(words)
  })

  it('reaches the nodes with all that was said before it is closed, each time', async () => {
    const broker = await startBroker()
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    const expected: string[] = []
    for (let i = 0; i < 20; i++) {
      const emitter = new TestBus('emitter', at(broker))
      for (let message = 0; message < 5; message++) {
        emitter.tell(`${i} ${message}`)
        expected.push(`${i} ${message}`)
      }
      await emitter.close()
    }
    await until(() => node.heard.length >= expected.length)
    expect(node.heard).toEqual(expected)
  })

  it('resolves flush() at once if nothing was said', async () => {
    const emitter = new TestBus('emitter', { brokers: [await freeEndpoints()] })
    await emitter.flush()
    await emitter.close()
  })

  it('resolves flush() when all that was said has passed the broker, every time', async () => {
    const broker = await startBroker()
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    const emitter = new TestBus('emitter', at(broker))
    for (let round = 1; round <= 5; round++) {
      for (const words of numbers(100)) emitter.tell(words)
      await Promise.all([emitter.flush(), emitter.flush()])
      expect(emitter.stats().messagesHeld).toBe(0)
      await until(() => node.heard.length === round * 100)
    }
  })

  it('gives flush() and close() up after a time when no broker answers, and says how much is at stake', async () => {
    const options = { brokers: [await freeEndpoints()], closeTimeoutMs: 50 }
    const emitter = new TestBus('emitter', options)
    emitter.tell('one')
    await expect(emitter.flush()).rejects.toThrow(FlushTimeoutError)
    emitter.tell('two')
    await expect(emitter.close()).rejects.toThrow(
      /^2 messages may not have reached a broker within 50 ms \(the link is down\)$/,
    )
    // it is closed all the same
    expect(() => emitter.tell('three')).toThrow(ClosedError)
  })

  it('goes on after a flush() that was given up', async () => {
    const endpoints = await freeEndpoints()
    const emitter = new TestBus('emitter', { brokers: [endpoints], closeTimeoutMs: 50 })
    emitter.tell('one')
    await expect(emitter.flush()).rejects.toThrow(FlushTimeoutError)
    await startBroker(endpoints)
    await emitter.ready()
    await until(() => emitter.stats().messagesSent === 1)
    emitter.tell('two')
    await until(() =>
      emitter.flush().then(
        () => true,
        () => false,
      ),
    )
  })

  it('can be closed twice, and refuses everything afterwards', async () => {
    const broker = await startBroker()
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    await Promise.all([node.close(), node.close()])
    await node.close()
    expect(() => node.tell('more')).toThrow(ClosedError)
    await expect(node.flush()).rejects.toThrow(ClosedError)
    expect(node.stats().link).toBe('down')
  })

  it('rejects ready() when it is closed before', async () => {
    const node = new TestBus('node', { brokers: [await freeEndpoints()] })
    const ready = node.ready()
    await node.close()
    await expect(ready).rejects.toThrow(ClosedError)
  })

  it('warns once when no broker answers, and says where it looked and how to start one', async () => {
    const [endpoints, others] = [await freeEndpoints(), await freeEndpoints()]
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    cleanUps.push(() => process.off('warning', onWarning))
    const node = new TestBus('node', { brokers: [endpoints, others] })
    await until(() => warnings.length > 0)
    const [warning] = warnings as [Error & { code: string }]
    expect([warning.name, warning.code]).toEqual(['NoBrokerError', 'ZMQ_NO_BROKER'])
    for (const endpoint of [endpoints, others].flatMap(({ pub, sub }) => [pub, sub])) {
      expect(warning.message).toContain(endpoint)
    }
    const [pub, sub] = [endpoints.pub, endpoints.sub].map((endpoint) => new URL(endpoint).port)
    expect(warning.message).toContain(`npx zmq-broker --pub ${pub} --sub ${sub}`)
    expect(node.errors).toEqual([])
    // it goes on trying
    await startBroker(endpoints)
    await node.ready()
    expect(warnings).toHaveLength(1)
  })

  it('works with ready-made sockets, and closes them', async () => {
    const broker = await startBroker()
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    const pubClient = new XPublisher({ immediate: true, linger: 0 })
    const subClient = new Subscriber({ linger: 0 })
    pubClient.connect(broker.endpoints.pub)
    subClient.connect(broker.endpoints.sub)
    const other = new TestBus('node', { pubClient, subClient })
    await other.ready()
    await until(() => node.memberCount === 1)
    other.tell('ready-made')
    node.tell('hello')
    await until(() => node.heard.length === 1 && other.heard.length === 1)
    await other.close()
    expect([pubClient.closed, subClient.closed]).toEqual([true, true])
  })

  it('reports what a listener throws, and goes on with the next message', async () => {
    const broker = await startBroker()
    const node = new TestBus('node', at(broker), (words) => {
      if (words === 'bad') throw new Error('the listener failed')
      if (words === 'malformed') throw new MalformedFrameError('it does not look right')
    })
    await node.ready()
    const emitter = await readyEmitter(broker)
    for (const words of ['one', 'bad', 'two', 'malformed', 'three']) emitter.tell(words)
    await until(() => node.heard.length === 5)
    expect(node.errors.map(({ message }) => message)).toEqual(['the listener failed'])
    expect(node.stats()).toMatchObject({ messagesMalformed: 1, messagesReceived: 5 })
  })

  it('goes on when those who listen to its events throw, and reports what they threw', async () => {
    const broker = await startBroker()
    const node = new TestBus('node', at(broker))
    for (const event of ['link:up', 'link:down', 'member:join', 'member:leave'] as const) {
      node.on(event, () => {
        throw new Error(event)
      })
    }
    await node.ready()
    const other = new TestBus('node', at(broker))
    await until(() => node.memberCount === 1 && other.memberCount === 1)
    await other.close()
    await until(() => node.memberCount === 0)
    await broker.stop()
    await until(() => node.stats().link === 'down')
    const thrown = node.errors.map(({ message }) => message)
    expect(thrown).toEqual(['link:up', 'member:join', 'member:leave', 'link:down'])
  })

  it('gives up the oldest of what waits when that is more than it may hold, and says so once', async () => {
    const broker = await startBroker()
    const gate = await closedGate(broker)
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    const emitter = new TestBus('emitter', { ...at(gate), journal: { maxBytes: 20_000 } })
    for (const words of numbers(50)) {
      emitter.tell(`${words} ${'x'.repeat(1000)}`)
      await turn()
    }
    const { messagesDropped, messagesHeld, journalBytes } = emitter.stats()
    expect(messagesDropped).toBeGreaterThan(25)
    expect(messagesDropped + messagesHeld).toBe(50)
    expect(journalBytes).toBeLessThanOrEqual(20_000)
    expect(emitter.errors).toHaveLength(1)
    expect(emitter.errors[0]).toBeInstanceOf(JournalOverflowError)
    expect(emitter.errors[0]?.message).toMatch(/20000 bytes of journal\.maxBytes/)
    await gate.open()
    await until(() => node.heard.length >= messagesHeld)
    const kept = numbers(50).slice(messagesDropped)
    expect(node.heard.map((words) => words.split(' ')[0])).toEqual(kept)
  })

  it('warns through the process where nobody listens to its errors', async () => {
    const options = resolveBusOptions({ brokers: [await freeEndpoints()] })
    const bus = new Bus('emitter', options, () => {})
    buses.push(bus)
    const warned = once(process, 'warning')
    bus.report(new Error('nobody listens'))
    const [warning] = await warned
    expect(warning.message).toBe('nobody listens')
  })

  it('tells its state and all that it counts', async () => {
    const broker = await startBroker()
    const [first, second] = (await nodesAt([broker], 2)) as [TestBus, TestBus]
    first.tell('one')
    first.tell('two')
    await first.flush()
    await until(() => second.heard.length === 2)
    expect(Object.keys(first.stats()).toSorted()).toEqual(Object.keys(NO_STATS).toSorted())
    const sent = first.stats()
    expect(sent).toMatchObject({ link: 'up', members: 1, messagesSent: 2, messagesHeld: 0 })
    for (const count of [sent.framesSent, sent.bytesSent, sent.journalBytes]) {
      expect(count).toBeGreaterThan(0)
    }
    const received = second.stats()
    expect(received).toMatchObject({ link: 'up', members: 1, messagesReceived: 2, messagesSent: 0 })
    for (const count of [received.framesReceived, received.bytesReceived]) {
      expect(count).toBeGreaterThan(0)
    }
    for (const name of [
      'messagesDropped',
      'repairsSent',
      'framesDuplicate',
      'framesRepaired',
      'framesLost',
      'framesHeldBack',
      'bytesHeldBack',
      'framesMalformed',
      'framesUnknownVersion',
      'messagesMalformed',
    ] as const) {
      expect([name, sent[name], received[name]]).toEqual([name, 0, 0])
    }
  })

  it.each(['emitter', 'node'])(
    'lets a process end by itself after close(), as %s',
    async (kind) => {
      const broker = await startBroker()
      const [node] = (await nodesAt([broker], 1)) as [TestBus]
      const script = `
      import { Bus, resolveBusOptions } from 'socket.io-zeromq-emitter/bus'
      const brokers = [${JSON.stringify(broker.endpoints)}]
      const bus = new Bus('${kind}', resolveBusOptions({ brokers }), () => {})
      bus.say(bus.topics.everyone, (writer) => {
        writer.arrayHeader(2)
        writer.uint(9)
        writer.string('from a child')
      })
      await bus.close()
      console.log('closed')`
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        ['--input-type=module', '--eval', script],
        // a process that does not end is killed, which rejects
        { cwd: fileURLToPath(new URL('..', import.meta.url)), timeout: 25_000 },
      )
      expect([stdout, stderr]).toEqual(['closed\n', ''])
      await until(() => node.heard.length === 1)
      expect(node.heard).toEqual(['from a child'])
      await until(() => node.memberCount === 0)
    },
  )
})

describe('the members of a bus', () => {
  it('are the other nodes, and no emitters', async () => {
    const broker = await startBroker()
    const [first, second] = (await nodesAt([broker], 2)) as [TestBus, TestBus]
    const emitter = await readyEmitter(broker)
    await until(() => emitter.memberCount === 2)
    const third = new TestBus('node', at(broker))
    await until(() => [first, second].every(({ memberCount }) => memberCount === 2))
    expect(first.members().toSorted()).toEqual([second.uid, third.uid].toSorted())
    expect([first.hasMember(third.uid), first.hasMember(emitter.uid)]).toEqual([true, false])
    expect(first.hasMember(first.uid)).toBe(false)
  })

  it('are told when they join, and when they leave', async () => {
    const broker = await startBroker()
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    const told: string[] = []
    node.on('member:join', (uid) => told.push(`+${uid}`))
    node.on('member:leave', (uid) => told.push(`-${uid}`))
    const other = new TestBus('node', at(broker))
    await until(() => told.length === 1)
    await other.close()
    await until(() => told.length === 2)
    expect(told).toEqual([`+${other.uid}`, `-${other.uid}`])
    expect(node.members()).toEqual([])
  })

  it('lose one whose connections are gone without a word, and get it back with them', async () => {
    const broker = await startBroker()
    const gate = await closedGate(broker)
    await gate.open()
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    const other = new TestBus('node', at(gate))
    await until(() => node.memberCount === 1)
    await gate.close()
    await until(() => node.memberCount === 0)
    await until(() => other.stats().link === 'down')
    expect(other.memberCount).toBe(1)
    await gate.open()
    await until(() => node.memberCount === 1 && other.stats().link === 'up')
    expect(node.members()).toEqual([other.uid])
    expect(other.events).not.toContain('member:leave')
  })

  it('are kept while the broker is gone, and those who come back with it stay', async () => {
    const broker = await startBroker()
    const nodes = await nodesAt([broker], 3, { memberGraceMs: 300 })
    const [first, second, third] = nodes as [TestBus, TestBus, TestBus]
    await broker.stop()
    await until(() => nodes.every(({ events }) => events.includes('link:down')))
    expect(nodes.map(({ memberCount }) => memberCount)).toEqual([2, 2, 2])
    expect(first.stats().link).toBe('down')
    // one of them dies meanwhile
    await third.close()
    await startBroker(broker.endpoints)
    await until(() => [first, second].every(({ memberCount }) => memberCount === 1))
    expect(first.members()).toEqual([second.uid])
    const down = first.events.indexOf('link:down')
    expect(first.events.slice(0, down).toSorted()).toEqual([
      'link:up',
      'member:join',
      'member:join',
    ])
    expect(first.events.slice(down)).toEqual(['link:down', 'link:up', 'member:leave'])
  })
})

describe('through an outage, a bus', () => {
  it('brings to the nodes what was said before, meanwhile and after, once and in order', async () => {
    const broker = await startBroker()
    const [node, speaker] = (await nodesAt([broker], 2)) as [TestBus, TestBus]
    const emitter = await readyEmitter(broker)
    await until(() => emitter.memberCount === 2)
    const tell = (words: string) => {
      emitter.tell(`emitter ${words}`)
      speaker.tell(`speaker ${words}`)
    }
    const expected = numbers(300)
    let endpoints = broker.endpoints
    let current = broker
    for (const [i, words] of expected.entries()) {
      tell(words)
      if (i % 5 === 0) await turn()
      if (i % 100 !== 50) continue
      await current.stop()
      await until(() => [node, speaker, emitter].every((bus) => bus.stats().link === 'down'))
      for (const words of ['a', 'b']) tell(`${i} ${words}`)
      current = await startBroker(endpoints)
      endpoints = current.endpoints
    }
    const count = (name: string) => node.heard.filter((words) => words.startsWith(name)).length
    await until(() => count('emitter') >= 306 && count('speaker') >= 306)
    const order = expected.flatMap((words, i) =>
      i % 100 === 50 ? [words, `${i} a`, `${i} b`] : [words],
    )
    for (const name of ['emitter', 'speaker']) {
      const heard = node.heard.filter((words) => words.startsWith(name))
      expect(heard).toEqual(order.map((words) => `${name} ${words}`))
    }
    expect(node.stats().framesLost).toBe(0)
    expect([node, speaker, emitter].flatMap(({ errors }) => errors)).toEqual([])
  })

  it('flushes what was said during the outage when it is over', async () => {
    const broker = await startBroker()
    const emitter = await readyEmitter(broker)
    await broker.stop()
    await until(() => emitter.stats().link === 'down')
    emitter.tell('meanwhile')
    const flushed = emitter.flush()
    await startBroker(broker.endpoints)
    await flushed
    expect(emitter.events).toEqual(['link:up', 'link:down', 'link:up'])
  })
})

describe('with two brokers, a bus', () => {
  it('delivers everything once and in order', async () => {
    const brokers = [await startBroker(), await startBroker()]
    const [node, other] = (await nodesAt(brokers, 2)) as [TestBus, TestBus]
    const emitter = await readyEmitter(...brokers)
    let count = 0
    await until(() => {
      for (let i = 0; i < 20; i++) emitter.tell(`${count++}`)
      return count >= 500 && node.stats().framesDuplicate >= 50
    })
    await emitter.flush()
    await until(() => [node, other].every(({ heard }) => heard.length >= count))
    // what comes twice has come by now, or comes before this does
    other.tell('last')
    await until(() => node.heard.includes('last'))
    expect(node.heard).toEqual([...numbers(count), 'last'])
    expect(other.heard).toEqual(numbers(count))
  })

  it('goes on while one of them is gone, and when it is back, and when the other goes', async () => {
    const brokers = [await startBroker(), await startBroker()] as [TestBroker, TestBroker]
    const [node, other] = (await nodesAt(brokers, 2)) as [TestBus, TestBus]
    /** What is said to one comes twice when both brokers know the subscriptions of both nodes. */
    const bothAreInUse = async () => {
      for (const [from, to] of [
        [node, other],
        [other, node],
      ] as const) {
        const before = to.stats().framesDuplicate
        await until(() => {
          from.say(from.topics.node(to.uid), words('twice?'))
          return to.stats().framesDuplicate > before + 2
        })
      }
    }
    const expected: string[] = []
    const tell = async (words: string) => {
      other.tell(words)
      expected.push(words)
      await until(() => node.heard.includes(words))
    }

    await bothAreInUse()
    await tell('by both')
    await brokers[0].stop()
    await tell('by the second')
    await startBroker(brokers[0].endpoints)
    await tell('by the second, and perhaps the first')
    await bothAreInUse()
    await brokers[1].stop()
    await tell('by the first')
    expect(node.heard.filter((words) => words !== 'twice?')).toEqual(expected)
    for (const bus of [node, other]) {
      expect(bus.events).not.toContain('link:down')
      expect(bus.events).not.toContain('member:leave')
    }
  })
})

describe('what is not what the protocol says', () => {
  /** A publisher that says whatever it likes, connected and known to reach the node. */
  async function rawPublisher(broker: TestBroker, node: TestBus): Promise<Publisher> {
    const publisher = new Publisher({ linger: 0 })
    cleanUps.push(() => publisher.close())
    publisher.connect(broker.endpoints.pub)
    // its first frames are dropped, until the subscriptions have reached it
    await until(async () => {
      await publisher.send([node.topics.everyone, encodeAll([1, UID, 0], [9, 'hello'])])
      return node.heard.length > 0
    })
    await publisher.send([node.topics.everyone, encodeAll([1, UID, 0], [9, 'here I am'])])
    await until(() => node.heard.at(-1) === 'here I am')
    return publisher
  }

  it('is counted and not delivered: random bytes, cut frames and unknown versions', async () => {
    const broker = await startBroker()
    const [node] = (await nodesAt([broker], 1)) as [TestBus]
    const publisher = await rawPublisher(broker, node)
    const { framesMalformed, framesUnknownVersion } = node.stats()
    expect([framesMalformed, framesUnknownVersion]).toEqual([0, 0])
    const delivered = node.heard.length

    const { everyone, control } = node.topics
    const own = node.topics.node(node.uid)
    // numbered, it would be taken as one that has come, since its sender has nothing better
    const good = encodeAll([1, UID, 0], [9, 'x'.repeat(100)])
    const headerBytes = encodeAll([1, UID, 0]).length
    const malformed: [string, Buffer][] = [
      [everyone, Buffer.alloc(0)],
      [everyone, encodeAll('hello')],
      [everyone, encodeAll([1, 'short', 1], [9, 'x'])],
      [own, encodeAll([1, UID, 0], [9, 'x'], 5)],
      [control, encodeAll([1, UID, 0], [33, 'key/*'])],
      [own, encodeAll([1, UID, 0], [36, everyone, Buffer.from('no frame')])],
      [own, encodeAll([1, UID, 0], [36, everyone, encodeAll([1, 'fedcba9876543210', 1])])],
      // a subscription takes in every topic that begins with it
      [`${everyone}*`, good],
    ]
    for (let end = 0; end < good.length; end++) {
      if (end !== headerBytes) malformed.push([everyone, good.subarray(0, end)])
    }
    const unknown = [2, 0, 99, 2 ** 40].map((version) => encodeAll([version, UID, 1], [9, 'x']))
    for (const frame of malformed) await publisher.send(frame)
    for (const body of unknown) await publisher.send([everyone, body])
    let random = 0
    for (; random < 500; random++) {
      const bytes = Buffer.from(
        Array.from({ length: random % 60 }, () => Math.floor(Math.random() * 256)),
      )
      await publisher.send([everyone, bytes])
    }
    await publisher.send(everyone)
    await publisher.send([everyone, good, 'a third part'])

    const refused = () => node.stats().framesMalformed + node.stats().framesUnknownVersion
    await until(() => refused() >= malformed.length + unknown.length + random + 2)
    expect(refused()).toBe(malformed.length + unknown.length + random + 2)
    expect(node.stats().framesUnknownVersion).toBeGreaterThanOrEqual(unknown.length)
    expect(node.stats().framesMalformed).toBeGreaterThanOrEqual(malformed.length + 2)
    expect(node.heard).toHaveLength(delivered)
    expect(node.errors).toEqual([])

    // and it goes on
    await publisher.send([everyone, good])
    await until(() => node.heard.length > delivered)
    const emitter = await readyEmitter(broker)
    emitter.tell('after all that')
    await until(() => node.heard.at(-1) === 'after all that')
  })
})
