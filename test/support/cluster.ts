import {
  io as connect,
  type ManagerOptions,
  type Socket,
  type SocketOptions,
} from 'socket.io-client'
import type { EmitterOptions } from 'socket.io-zeromq-emitter'
import type { BrokerOptions } from 'zmq-broker'
import type { BrokerContext } from '../fixtures/broker.js'
import type { EmitterContext } from '../fixtures/emitter.js'
import type { NodeContext, NodeOptions } from '../fixtures/node.js'
import { emitterMode, nodeMode } from './mode.js'
import { freePort } from './ports.js'
import { TestProcess } from './process.js'
import { nextEvent, until } from './until.js'

export type NodeProcess = TestProcess<NodeContext> & { port: number }
export type EmitterProcess = TestProcess<EmitterContext>

/** A broker, nodes and emitters as processes of their own, and clients in this one. */
export class TestCluster {
  brokers: { process: TestProcess<BrokerContext>; pub: string; sub: string }[] = []
  nodes: NodeProcess[] = []
  readonly #processes: TestProcess<never>[] = []
  readonly #clients: Socket[] = []
  #lastMark = 0

  /** The option `brokers` of adapters and emitters. */
  get endpoints(): { pub: string; sub: string }[] {
    return this.brokers.map(({ pub, sub }) => ({ pub, sub }))
  }

  /** Starts a broker and so many nodes, and waits until each node sees all others. */
  static async start(
    nodes: number,
    options: Omit<NodeOptions, 'zmq'> & { zmq?: NodeOptions['zmq'] } = {},
  ): Promise<TestCluster> {
    const cluster = new TestCluster()
    try {
      await cluster.startBroker()
      await Promise.all(Array.from({ length: nodes }, () => cluster.startNode(options)))
      await cluster.settled()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** Starts a broker on free ports, or on those given. */
  async startBroker(options: BrokerOptions = { pub: 0, sub: 0 }) {
    const process = await this.#start<BrokerContext>('broker', await withPorts(options))
    const { pub, sub } = await process.run(({ broker }) => broker.endpoints)
    const broker = { process, pub, sub }
    this.brokers.push(broker)
    return broker
  }

  /** Starts a node, and waits until it is ready unless told otherwise. */
  async startNode(
    options: Omit<NodeOptions, 'zmq'> & { zmq?: NodeOptions['zmq'] } = {},
    { ready = true, env = {} as NodeJS.ProcessEnv } = {},
  ): Promise<NodeProcess> {
    const process = await this.#start<NodeContext>(
      'node',
      { ...options, zmq: { brokers: this.endpoints, ...nodeMode, ...options.zmq } },
      env,
    )
    const port = await process.run(({ port }) => port)
    if (ready) await process.run(({ zmq }) => zmq.ready())
    const node = Object.assign(process, { port })
    this.nodes.push(node)
    return node
  }

  startEmitter(options: EmitterOptions & { msgpack?: boolean } = {}): Promise<EmitterProcess> {
    return this.#start<EmitterContext>('emitter', {
      brokers: this.endpoints,
      ...emitterMode,
      ...options,
    })
  }

  /** Waits until each node sees all others. */
  async settled(): Promise<void> {
    await until(async () => {
      const counts = await Promise.all(
        this.nodes.map((node) => node.run(({ io }) => io.of('/').adapter.serverCount())),
      )
      return counts.every((count) => count === this.nodes.length)
    })
  }

  /** Kills a node without letting it say goodbye. */
  async killNode(node: NodeProcess): Promise<void> {
    this.nodes = this.nodes.filter((other) => other !== node)
    await node.kill()
  }

  /** Connects a client to a server of this machine, over a WebSocket unless told otherwise. */
  async connect(
    { port }: { port: number },
    {
      nsp = '/',
      rooms = [] as string[],
      data = undefined as object | undefined,
      ...options
    }: Partial<ManagerOptions & SocketOptions> & {
      nsp?: string
      rooms?: string[]
      data?: object | undefined
    } = {},
  ): Promise<Socket> {
    const client = connect(`http://127.0.0.1:${port}${nsp}`, {
      transports: ['websocket'],
      forceNew: true,
      ...options,
    })
    this.#clients.push(client)
    await new Promise<void>((resolve, reject) => {
      client.once('connect', resolve)
      client.once('connect_error', reject)
    })
    if (rooms.length > 0) await client.emitWithAck('join', rooms)
    if (data !== undefined) await client.emitWithAck('data', data)
    return client
  }

  /**
   * Waits until what a node has said before has come to these clients, or was not meant for them:
   * the node says one more thing, to everyone in the clients' namespace.
   */
  async heard(from: NodeProcess, ...clients: Socket[]): Promise<void> {
    const mark = `mark-${++this.#lastMark}`
    const marks = Promise.all(clients.map((client) => nextEvent(client, mark)))
    const namespaces = new Set(clients.map((client) => (client as unknown as { nsp: string }).nsp))
    await from.run(
      ({ io }, { mark, namespaces }) => {
        for (const nsp of namespaces) io.of(nsp).emit(mark)
      },
      { mark, namespaces: [...namespaces] },
    )
    await marks
  }

  /** Disconnects all clients, and waits until no node knows of any. */
  async disconnectClients(): Promise<void> {
    for (const client of this.#clients) client.disconnect()
    this.#clients.length = 0
    const socketsOf = (node: NodeProcess) =>
      node.run(({ io }) => [...io._nsps.values()].reduce((sum, nsp) => sum + nsp.sockets.size, 0))
    await until(async () => {
      const counts = await Promise.all(this.nodes.map(socketsOf))
      return counts.every((count) => count === 0)
    })
  }

  /** Ends everything, in whatever state it is. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect()
    await Promise.all(this.#processes.map((process) => process.kill()))
  }

  async #start<Context>(
    fixture: string,
    options: object,
    env?: NodeJS.ProcessEnv,
  ): Promise<TestProcess<Context>> {
    const process = await TestProcess.start<Context>(fixture, options, env)
    this.#processes.push(process as TestProcess<never>)
    return process
  }
}

/** Ports at which the broker can come back, in place of those that it would be given by the system. */
async function withPorts(options: BrokerOptions): Promise<BrokerOptions> {
  const given = { ...options }
  for (const door of ['pub', 'sub', 'emitterSub'] as const) {
    if (given[door] === 0) given[door] = await freePort()
  }
  return given
}
