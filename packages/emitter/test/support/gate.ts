import { connect, createServer, type Server, type Socket } from 'node:net'
import type { BrokerEndpoints } from '../../src/bus/options.js'
import { freeEndpoints } from './broker.js'

/**
 * Stands between a bus and its broker, for TCP connections that can be cut. Closed at first: nobody
 * listens at its endpoints until it is opened.
 */
export class Gate {
  readonly endpoints: BrokerEndpoints
  readonly #target: BrokerEndpoints
  readonly #connections = new Set<Socket>()
  #servers: Server[] = []

  private constructor(endpoints: BrokerEndpoints, target: BrokerEndpoints) {
    this.endpoints = endpoints
    this.#target = target
  }

  static async before(target: BrokerEndpoints): Promise<Gate> {
    return new Gate(await freeEndpoints(), target)
  }

  async open(): Promise<void> {
    this.#servers = await Promise.all((['pub', 'sub'] as const).map((side) => this.#forward(side)))
  }

  /** Cuts all connections, and takes no new ones. */
  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    )
    this.#servers = []
    for (const connection of this.#connections) connection.destroy()
    await Promise.all(closed)
  }

  #forward(side: 'pub' | 'sub'): Promise<Server> {
    const server = createServer((incoming) => {
      const outgoing = connect(portOf(this.#target[side]), '127.0.0.1')
      for (const [from, to] of [
        [incoming, outgoing],
        [outgoing, incoming],
      ] as const) {
        this.#connections.add(from)
        from.on('error', () => {})
        from.on('close', () => {
          this.#connections.delete(from)
          to.destroy()
        })
        from.pipe(to)
      }
    })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(portOf(this.endpoints[side]), '127.0.0.1', () => resolve(server))
    })
  }
}

const portOf = (endpoint: string) => Number(new URL(endpoint).port)
