import type { EmitterOptions } from 'socket.io-zeromq-emitter'
import { expect } from 'vitest'
import type { BrokerOptions } from 'zmq-broker'
import type { BrokerContext } from '../../fixtures/broker.js'
import type { ChaosClientsContext } from '../../fixtures/chaos-clients.js'
import type { ChaosEmitterContext } from '../../fixtures/chaos-emitter.js'
import type { ChaosNodeContext, ChaosNodeOptions } from '../../fixtures/chaos-node.js'
import type { ChaosSenderContext } from '../../fixtures/chaos-sender.js'
import { type CurvePaths, curveSocketOptions, TestKeys } from '../../support/keys.js'
import { emitterMode, isDynamic, nodeMode } from '../../support/mode.js'
import { freePort } from '../../support/ports.js'
import { TestProcess } from '../../support/process.js'
import { until } from '../../support/until.js'
import type { ClientReport, Latency } from './clients.js'
import { type Counts, faultsOf } from './faults.js'

/** Whether all connections are encrypted and everyone has a key: `CHAOS_CURVE=1`. */
const usesCurve = process.env.CHAOS_CURVE === '1'

/** How long it may take, on a busy machine, until everything has come. */
const PATIENCE_MS = 60_000

export type Sender = TestProcess<ChaosSenderContext> & { name: string }
export type Node = TestProcess<ChaosNodeContext> & { name: string; port: number }
export type Emitter = TestProcess<ChaosEmitterContext> & { name: string }

export interface Broker {
  process: TestProcess<BrokerContext>
  readonly pub: number
  readonly sub: number
  /** Where emitters subscribe, if they have keys. */
  readonly emitterSub?: number
}

/** The keys of a stage on which everyone has one. */
interface StageKeys {
  files: TestKeys
  node: CurvePaths
  emitter: CurvePaths
}

/** What all of a test comes to. */
export interface Figures {
  /** What all clients together have got. */
  messages: number
  clients: number
  /** The longest time in which a client heard nothing of a sender, while the load was on. */
  longestStallMs: number
  /** Frames that were sent again. */
  repaired: number
}

/**
 * Brokers, nodes and emitters as processes, and clients in one more, which keep account of all that
 * nodes and emitters say.
 */
export class Stage {
  readonly brokers: Broker[] = []
  readonly nodes: Node[] = []
  readonly emitters: Emitter[] = []
  readonly #processes: { kill(): Promise<void> }[] = []
  #clients!: TestProcess<ChaosClientsContext>
  /** What had been said when each client came. */
  readonly #since = new Map<string, Counts>()
  /** Whether every node has been there for all that was said. */
  #isWhole = true

  readonly #brokerOptions: BrokerOptions
  readonly #keys: StageKeys | undefined

  private constructor(broker: BrokerOptions, keys: StageKeys | undefined) {
    this.#brokerOptions = { ...broker, ...keys?.files.brokerOptions }
    this.#keys = keys
  }

  /** Starts brokers, and the process of the clients. */
  static async start({ brokers = 1, broker = {} as BrokerOptions } = {}): Promise<Stage> {
    const stage = new Stage(broker, usesCurve ? await makeKeys() : undefined)
    try {
      stage.#clients = await stage.#launch<ChaosClientsContext>('chaos-clients')
      while (stage.brokers.length < brokers) {
        const ports = {
          pub: await freePort(),
          sub: await freePort(),
          ...(usesCurve ? { emitterSub: await freePort() } : {}),
        }
        const process = await stage.#launchBroker(ports)
        stage.brokers.push({ ...ports, process })
      }
    } catch (error) {
      await stage.stop()
      throw error
    }
    return stage
  }

  /** Ends everything, in whatever state it is. */
  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()))
    await this.#keys?.files.remove()
  }

  /** The option `brokers` of nodes and emitters. */
  get endpoints(): { pub: string; sub: string }[] {
    return this.brokers.map(({ pub, sub }) => ({
      pub: `tcp://127.0.0.1:${pub}`,
      sub: `tcp://127.0.0.1:${sub}`,
    }))
  }

  /** The options of an emitter. */
  get emitterOptions(): EmitterOptions {
    if (this.#keys === undefined) return { brokers: this.endpoints }
    const brokers = this.brokers.map(({ pub, emitterSub }) => ({
      pub: `tcp://127.0.0.1:${pub}`,
      sub: `tcp://127.0.0.1:${emitterSub}`,
    }))
    return { brokers, curve: this.#keys.emitter }
  }

  /** What a plain ZeroMQ socket needs to connect like a node. */
  get socketOptions(): Partial<ReturnType<typeof curveSocketOptions>> {
    return this.#keys === undefined ? {} : curveSocketOptions(this.#keys.node)
  }

  get senders(): Sender[] {
    return [...this.nodes, ...this.emitters]
  }

  async addNode(name: string, { zmq, server }: Partial<ChaosNodeOptions> = {}): Promise<Node> {
    const process = await this.#launch<ChaosNodeContext>('chaos-node', {
      zmq: {
        brokers: this.endpoints,
        ...nodeMode,
        ...(this.#keys && { curve: this.#keys.node }),
        ...zmq,
      },
      server: { pingTimeout: 120_000, ...server },
    } satisfies ChaosNodeOptions)
    const port = await process.run(({ port }) => port)
    const node = Object.assign(process, { name, port })
    await introduce(node)
    if (Object.values(await this.said()).some((count) => count > 0)) this.#isWhole = false
    this.nodes.push(node)
    return node
  }

  async addEmitter(name: string, options: EmitterOptions = {}): Promise<Emitter> {
    const process = await this.#launch<ChaosEmitterContext>('chaos-emitter', {
      ...this.emitterOptions,
      ...emitterMode,
      ...options,
    } satisfies EmitterOptions)
    const emitter = Object.assign(process, { name })
    await introduce(emitter)
    this.emitters.push(emitter)
    return emitter
  }

  /** Connects clients to a node, and returns their names. */
  async addClients(node: Node, count: number): Promise<string[]> {
    const names = Array.from({ length: count }, (_, i) => `client ${i + 1} of ${node.name}`)
    await this.#clients.run(
      async ({ clients }, { names, port }) => {
        await Promise.all(names.map((name) => clients.connect(name, port)))
      },
      { names, port: node.port },
    )
    const since = await this.said()
    for (const name of names) this.#since.set(name, since)
    return names
  }

  /** Waits until every sender has the link, and sees all nodes. */
  async settled(): Promise<void> {
    const isSettled = async (sender: Sender) => {
      const { link, members } = await statsOf(sender)
      return link === 'up' && members === this.#otherNodes(sender).length
    }
    const areSettled = async () => (await Promise.all(this.senders.map(isSettled))).every(Boolean)
    const what = () => 'every sender has the link and sees all nodes'
    await until(areSettled, { timeoutMs: PATIENCE_MS, what }).catch(async (error) => {
      await this.#tellState()
      throw error
    })
  }

  /** Waits until every sender has lost its link. */
  async linksAreDown(): Promise<void> {
    const isDown = async (sender: Sender) => (await statsOf(sender)).link === 'down'
    await until(async () => (await Promise.all(this.senders.map(isDown))).every(Boolean), {
      what: () => 'every sender has lost its link',
    })
  }

  killBroker(broker = this.brokers[0]!): Promise<void> {
    return broker.process.kill()
  }

  /** Starts a broker that was killed again, where it was. */
  async restartBroker(broker = this.brokers[0]!): Promise<void> {
    const { process: _, ...ports } = broker
    broker.process = await this.#launchBroker(ports)
  }

  /** Kills a node. What it has said may be cut short, and its clients do not count any more. */
  async killNode(node: Node, clients: string[]): Promise<void> {
    this.#isWhole = false
    this.nodes.splice(this.nodes.indexOf(node), 1)
    await this.#clients.run(({ clients }, names) => {
      for (const name of names) clients.forget(name)
    }, clients)
    await node.kill()
  }

  /** Lets senders say so many messages per second each. */
  async startLoad(perSecond: number, senders = this.senders): Promise<void> {
    await Promise.all(
      senders.map((sender) => sender.run(({ load }, rate) => load.start(rate), perSecond)),
    )
  }

  async stopLoad(): Promise<void> {
    await Promise.all(this.senders.map((sender) => sender.run(({ load }) => void load.stop())))
  }

  /** How many messages each sender has said. */
  async said(): Promise<Counts> {
    const said = this.senders.map(async (sender) => {
      return [sender.name, await sender.run(({ load }) => load.said)] as const
    })
    return Object.fromEntries(await Promise.all(said))
  }

  /**
   * Waits until the clients have heard what the senders have said by now, and more.
   * @param more - how many more messages of each sender
   * @param clients - the names of clients, all by default
   */
  async heard(more = 0, clients?: string[], senders = this.senders): Promise<void> {
    const said = await this.said()
    const upTo = Object.fromEntries(senders.map(({ name }) => [name, (said[name] ?? 0) + more]))
    if (await this.#haveHeard(upTo, clients)) return
    await this.#tellState()
    throw new Error(`not within ${PATIENCE_MS} ms: clients have heard ${JSON.stringify(upTo)}`)
  }

  measureLatency(clients: string[]): Promise<void> {
    return this.#clients.run(({ clients }, names) => clients.measureLatency(names), clients)
  }

  takeLatency(): Promise<Latency> {
    return this.#clients.run(({ clients }) => clients.takeLatency())
  }

  reports(): Promise<ClientReport[]> {
    return this.#clients.run(({ clients }) => clients.report())
  }

  /**
   * Ends the load, waits until all has come, and expects that no client has lost a message or got
   * one twice, that each sender's came in order, and that what the senders count agrees.
   * @param others - what senders have said, and all clients must have got, that are no more
   */
  async expectNothingLost(others: Counts = {}): Promise<Figures> {
    await this.stopLoad()
    const underLoad = await this.#expectAllHeard(others)
    // what comes twice comes before what is said now
    await Promise.all(this.senders.map((sender) => sender.run(({ load }) => load.say(1))))
    const reports = await this.#expectAllHeard(others)
    const said = await this.said()
    // a node without clients may be the last to hear
    if (this.#isWhole) {
      await until(async () => {
        const stats = await Promise.all(this.senders.map(statsOf))
        return this.senders.every(
          (sender, i) =>
            !this.#hearsAll(sender) ||
            (stats[i]?.messagesReceived ?? 0) >= this.#toBeHeard(sender, said, others),
        )
      })
    }
    const stats = await Promise.all(this.senders.map(statsOf))
    this.#expectSoundStats(said, others, stats)

    const streamsOf = (of: ClientReport[]) => of.flatMap(({ streams }) => Object.values(streams))
    return {
      messages: streamsOf(reports).reduce((sum, { got }) => sum + got, 0),
      clients: reports.length,
      longestStallMs: Math.max(...streamsOf(underLoad).map((stream) => stream.longestStallMs)),
      repaired: stats.reduce((sum, { framesRepaired }) => sum + framesRepaired, 0),
    }
  }

  /** Expects that all that has been said comes, without anything more being said. */
  async #expectAllHeard(others: Counts): Promise<ClientReport[]> {
    const said = { ...(await this.said()), ...others }
    await this.#haveHeard(said)
    const reports = await this.reports()
    const faults = reports.flatMap((report) =>
      faultsOf(report, said, this.#since.get(report.name) ?? {}),
    )
    if (faults.length > 0) await this.#tellState()
    expect(faults).toEqual([])
    return reports
  }

  /** Prints, when something has gone wrong, what everyone has to say. */
  async #tellState(): Promise<void> {
    for (const sender of this.senders) {
      console.log(sender.name, await statsOf(sender), sender.stderr)
    }
    for (const { name, streams } of await this.reports()) console.log(name, streams)
  }

  /** After all has come, every sender counts nothing as lost or waiting, and all that was said. */
  #expectSoundStats(said: Counts, others: Counts, stats: Stats[]): void {
    for (const [i, sender] of this.senders.entries()) {
      const { name } = sender
      expect({ name, ...stats[i] }).toMatchObject({
        name,
        link: 'up',
        members: this.#otherNodes(sender).length,
        messagesSent: said[name],
        messagesHeld: 0,
        messagesDropped: 0,
        framesLost: 0,
        framesHeldBack: 0,
        bytesHeldBack: 0,
        framesMalformed: 0,
        framesUnknownVersion: 0,
        messagesMalformed: 0,
      })
      if (!this.#isWhole || !this.#hearsAll(sender)) continue
      expect({ name, messagesReceived: stats[i]?.messagesReceived }).toEqual({
        name,
        messagesReceived: this.#toBeHeard(sender, said, others),
      })
    }
    if (!this.#isWhole || Object.keys(others).length > 0) return
    const sum = (count: 'framesRepaired' | 'repairsSent') =>
      stats.reduce((sum, stats) => sum + stats[count], 0)
    expect(sum('framesRepaired')).toBeLessThanOrEqual(sum('repairsSent'))
  }

  /** Whether a sender gets all that is said: a dynamic node does if it had a client from the start. */
  #hearsAll(sender: Sender): boolean {
    if (!isDynamic || this.emitters.includes(sender as Emitter)) return true
    const since = [...this.#since].find(([client]) => client.endsWith(` of ${sender.name}`))
    return since !== undefined && Object.values(since[1]).every((count) => count === 0)
  }

  /** How many messages a sender gets: a node all of the others, an emitter none. */
  #toBeHeard(sender: Sender, said: Counts, others: Counts): number {
    if (!this.nodes.includes(sender as Node)) return 0
    const heard = Object.entries({ ...said, ...others }).filter(([of]) => of !== sender.name)
    return heard.reduce((sum, [, count]) => sum + count, 0)
  }

  #otherNodes(sender: Sender): Node[] {
    return this.nodes.filter((node) => node !== sender)
  }

  #haveHeard(upTo: Counts, names?: string[]): Promise<boolean> {
    return this.#clients.run(
      ({ clients }, { upTo, timeoutMs, names }) => clients.heard(upTo, timeoutMs, names),
      { upTo, timeoutMs: PATIENCE_MS, names },
    )
  }

  #launchBroker(ports: Omit<Broker, 'process'>): Promise<TestProcess<BrokerContext>> {
    return this.#launch<BrokerContext>('broker', { ...this.#brokerOptions, ...ports })
  }

  async #launch<Context>(fixture: string, options: object = {}): Promise<TestProcess<Context>> {
    const process = await TestProcess.start<Context>(fixture, options)
    this.#processes.push(process)
    return process
  }
}

async function makeKeys(): Promise<StageKeys> {
  const files = await TestKeys.make()
  const node = await files.authorized('node')
  const emitter = await files.authorized('emitter')
  return { files, node, emitter }
}

type Stats = ReturnType<ChaosSenderContext['zmq']['stats']>

export function statsOf(sender: Sender): Promise<Stats> {
  return sender.run(({ zmq }) => zmq.stats())
}

/** Tells a sender its name, and waits until it has the link. */
function introduce(sender: Sender): Promise<void> {
  return sender.run(async ({ zmq, load }, name) => {
    load.name = name
    await zmq.ready()
  }, sender.name)
}
