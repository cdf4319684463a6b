import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { Subscriber } from 'zeromq'
import { type EmitterProcess, type NodeProcess, TestCluster } from './cluster.js'
import { Listener } from './listener.js'
import { RawSender } from './raw.js'
import { until } from './until.js'

/** The topic of messages for every node. */
export const EVERYONE = 'socket.io/*'
/** The topic of what senders tell of their sequences. */
export const CONTROL = 'socket.io/c'

/** A broadcast as a node makes it, of an event and its arguments. */
export function broadcast(...data: unknown[]): unknown[] {
  return [3, '/', [], [], {}, 1, [`2${JSON.stringify(data)}`]]
}

/** The counters of what was refused. */
export interface Refused {
  framesMalformed: number
  framesUnknownVersion: number
  messagesMalformed: number
}

/** Two nodes with a client each in the room `room`, and an emitter, for somebody to attack. */
export class Siege {
  readonly cluster: TestCluster
  nodes: NodeProcess[] = []
  clients: Listener[] = []
  emitter!: EmitterProcess
  /** The nodes' own topics. */
  nodeTopics: string[] = []
  /** The emitter's own topic. */
  emitterTopic = ''
  readonly #senders: RawSender[] = []

  private constructor(cluster: TestCluster) {
    this.cluster = cluster
  }

  static async start(): Promise<Siege> {
    const siege = new Siege(await TestCluster.start(2))
    try {
      await siege.#settle()
    } catch (error) {
      await siege.stop()
      throw error
    }
    return siege
  }

  async #settle(): Promise<void> {
    const { cluster } = this
    this.nodes = cluster.nodes
    this.emitter = await cluster.startEmitter()
    await this.emitter.run(({ emitter }) => emitter.ready())
    const spy = this.#sender('XPublisher')
    this.emitterTopic = await spy.subscribed('socket.io/e/')
    this.nodeTopics = await Promise.all(
      this.nodes.map((node) =>
        node.run(
          ({ io }) => `socket.io/n/${(io.of('/').adapter as unknown as { uid: string }).uid}`,
        ),
      ),
    )
    this.clients = await Promise.all(
      this.nodes.map((node) => Listener.connect(cluster, node, { rooms: ['room'] })),
    )
  }

  /** A raw sender whose way to the nodes is open. */
  async attacker(kind: 'Publisher' | 'XPublisher'): Promise<RawSender> {
    const sender = this.#sender(kind)
    // a Publisher is not told when its subscribers are there
    await until(async () => {
      await sender.sayUnnumbered(EVERYONE, broadcast('knock'))
      return this.clients.every(({ got }) => got.length > 0)
    })
    await this.expectOnlyGood(sender)
    return sender
  }

  #sender(kind: 'Publisher' | 'XPublisher'): RawSender {
    const sender = new RawSender(kind, this.cluster.endpoints[0]!.pub)
    this.#senders.push(sender)
    return sender
  }

  /**
   * Attacks, and expects that each node has counted what it refused, and lives, and that nothing has
   * reached a client.
   * @param expected - how the counters grow, on both nodes or on each
   */
  async survive(
    attacker: RawSender,
    expected: Partial<Refused> | [Partial<Refused>, Partial<Refused>],
    attack: () => Promise<void>,
  ): Promise<void> {
    const before = await this.refused()
    await attack()
    await this.expectOnlyGood(attacker)
    const after = await this.refused()
    const perNode = Array.isArray(expected) ? expected : this.nodes.map(() => expected)
    expect(after).toEqual(before.map((counters, i) => plus(counters, perNode[i] ?? {})))
    for (const node of this.nodes) expect(node.stderr).toBe('')
  }

  /** What each node has refused so far. */
  refused(): Promise<Refused[]> {
    return Promise.all(
      this.nodes.map(async (node) => {
        const stats = await node.run(({ zmq }) => zmq.stats())
        const { framesMalformed, framesUnknownVersion, messagesMalformed } = stats
        return { framesMalformed, framesUnknownVersion, messagesMalformed }
      }),
    )
  }

  /**
   * Says something good as the attacker, numbered and not, and as each node, and expects that the
   * clients get that and nothing else.
   */
  async expectOnlyGood(attacker: RawSender): Promise<void> {
    const name = `good ${randomBytes(4).toString('hex')}`
    const heard = (n: number) =>
      until(() =>
        this.clients.every(({ got }) => got.some(([event, i]) => event === name && i === n)),
      )
    await attacker.sayUnnumbered(EVERYONE, broadcast(name, 0))
    await attacker.say(EVERYONE, broadcast(name, 1))
    await heard(1)
    for (const [i, node] of this.nodes.entries()) {
      await node.run(({ io }, event) => void io.to('room').emit(...event), [name, i + 2] as const)
      await heard(i + 2)
    }
    for (const { got } of this.clients) {
      const events = got.splice(0).filter(([event]) => event !== 'knock')
      expect(events).toEqual([0, 1, 2, 3].map((n) => [name, n]))
    }
  }

  /** Listens to what goes over the broker, as anyone can. */
  async tap(): Promise<Tap> {
    const tap = new Tap(this.cluster.endpoints[0]!.sub)
    const [a] = this.nodes
    await until(async () => {
      await a!.run(({ io }) => void io.to('nobody').emit('knock'))
      return tap.bodies.length > 0
    })
    await a!.run(({ io }) => void io.to('nobody').emit('the last knock'))
    await tap.heard('the last knock')
    tap.bodies.length = 0
    return tap
  }

  async stop(): Promise<void> {
    for (const sender of this.#senders) sender.close()
    await this.cluster.stop()
  }
}

/** What goes over a broker. */
export class Tap {
  readonly bodies: Buffer[] = []
  readonly #subscriber = new Subscriber({ linger: 0 })

  constructor(endpoint: string) {
    this.#subscriber.subscribe('socket.io/')
    this.#subscriber.connect(endpoint)
    this.#listen()
  }

  /** Waits for a frame with this text in it. */
  async heard(text: string): Promise<Buffer> {
    const find = () => this.bodies.find((body) => body.includes(text))
    await until(() => find() !== undefined, { what: () => `a frame with ${text}` })
    return find() as Buffer
  }

  close(): void {
    this.#subscriber.close()
  }

  async #listen(): Promise<void> {
    try {
      for await (const [, body] of this.#subscriber) this.bodies.push(body as Buffer)
    } catch {
      // closed while it was read
    }
  }
}

function plus(one: Refused, other: Partial<Refused>): Refused {
  const sum = { ...one }
  for (const name of Object.keys(other) as (keyof Refused)[]) sum[name] += other[name] ?? 0
  return sum
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
