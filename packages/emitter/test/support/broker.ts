import { setTimeout as sleep } from 'node:timers/promises'
import { Proxy as NativeProxy, type Socket, XPublisher, XSubscriber } from 'zeromq'
import { freePort } from '../../../../test/support/ports.js'
import type { BrokerEndpoints } from '../../src/bus/options.js'

// A process cannot exit while a proxy runs: it would wait for the proxy's thread for ever.
const running = new Set<NativeProxy>()
process.on('exit', () => {
  for (const proxy of running) proxy.terminate()
})

/** A broker in this process, as small as can be: two bound sockets and libzmq's own proxy. */
export class TestBroker {
  readonly endpoints: BrokerEndpoints
  readonly #proxy: NativeProxy
  readonly #ended: Promise<void>

  private constructor(endpoints: BrokerEndpoints, proxy: NativeProxy) {
    this.endpoints = endpoints
    this.#proxy = proxy
    running.add(proxy)
    this.#ended = proxy.run().finally(() => running.delete(proxy))
  }

  /** Starts a broker on free ports, or on those of a broker that was stopped. */
  static async start(given?: BrokerEndpoints): Promise<TestBroker> {
    const { pub, sub } = given ?? (await freeEndpoints())
    const publishers = new XSubscriber({ linger: 0, sendHighWaterMark: 0 })
    const subscribers = new XPublisher({ linger: 0, receiveHighWaterMark: 0 })
    const endpoints = {
      pub: await bind(publishers, pub),
      sub: await bind(subscribers, sub),
    }
    return new TestBroker(endpoints, new NativeProxy(publishers, subscribers))
  }

  async stop(): Promise<void> {
    if (running.has(this.#proxy)) this.#proxy.terminate()
    await this.#ended
  }
}

async function bind(
  socket: Socket & { bind(endpoint: string): Promise<void>; lastEndpoint: string | null },
  endpoint: string,
): Promise<string> {
  const deadline = Date.now() + 20_000
  for (;;) {
    try {
      await socket.bind(endpoint)
      return socket.lastEndpoint as string
    } catch (error) {
      // ZeroMQ's own thread gives up the ports of a stopped broker, a little later
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      if (Date.now() > deadline) throw error
      await sleep(5)
    }
  }
}

/** Endpoints at which nobody listens until somebody asks for them. */
export async function freeEndpoints(): Promise<BrokerEndpoints> {
  return {
    pub: `tcp://127.0.0.1:${await freePort()}`,
    sub: `tcp://127.0.0.1:${await freePort()}`,
  }
}
