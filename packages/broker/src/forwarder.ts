import { setTimeout as sleep } from 'node:timers/promises'
import createDebug from 'debug'
import { Proxy as NativeProxy, type Socket, XPublisher, XSubscriber } from 'zeromq'
import { BrokerStateError } from './errors.js'
import { listen } from './listen.js'
import type { ResolvedOptions } from './options.js'

const debug = createDebug('zmq-broker')

// After a restart every node and emitter connects again at once.
const backlog = 4096 // connections that wait to be accepted

/** Where the two sockets listen. */
export interface BrokerEndpoints {
  /** Where publishers connect, for example `tcp://127.0.0.1:5555`. */
  readonly pub: string
  /** Where subscribers connect, for example `tcp://127.0.0.1:5556`. */
  readonly sub: string
}

/**
 * Two bound sockets and libzmq's own proxy between them: what comes in at one goes out at the other
 * without passing through JavaScript.
 */
export class Forwarder {
  /** Settles when the proxy has ended and its ports are free; rejects if it failed by itself. */
  readonly ended: Promise<void>
  #running = true

  private constructor(
    readonly endpoints: BrokerEndpoints,
    private readonly proxy: NativeProxy,
    released: Promise<unknown>,
  ) {
    this.ended = this.#run(released)
    // Whoever is interested awaits it; to everyone else a failure is no unhandled rejection.
    this.ended.catch(() => {})
  }

  /**
   * Binds the sockets, waits for subscribers to come back, and starts the proxy.
   *
   * @throws {BrokerBindError} if one of the sockets cannot listen; neither is left open then
   * @throws {BrokerStateError} if this process has no thread to spare for another proxy
   */
  static async open(options: ResolvedOptions): Promise<Forwarder> {
    takeThread()
    const publishers = new XSubscriber({
      ...socketOptions(options),
      receiveHighWaterMark: options.pubHighWaterMark,
      // Subscriptions travel against the stream. Beyond a limit libzmq drops them, silently.
      sendHighWaterMark: 0,
    })
    const subscribers = new XPublisher({
      ...socketOptions(options),
      receiveHighWaterMark: 0,
      sendHighWaterMark: options.subHighWaterMark,
    })
    const released = [whenReleased(publishers), whenReleased(subscribers)]
    const bound: unknown[] = []
    try {
      const pub = await listen(publishers, 'pub', options.pub)
      bound.push(released[0])
      const sub = await listen(subscribers, 'sub', options.sub)
      debug('publishers connect to %s, subscribers to %s', pub, sub)
      // Both ports take connections already; what comes in waits until the proxy runs.
      await sleep(options.settleTime)
      // Its sockets cannot be touched any more once the proxy runs.
      const proxy = new NativeProxy(publishers, subscribers)
      return new Forwarder({ pub, sub }, proxy, Promise.all(released))
    } catch (error) {
      publishers.close()
      subscribers.close()
      await Promise.all(bound)
      threadsTaken--
      throw error
    }
  }

  /** Ends the proxy and closes the sockets. What they have not passed on by then is dropped. */
  close(): Promise<void> {
    this.#terminate()
    return this.ended
  }

  async #run(released: Promise<unknown>): Promise<void> {
    // A process that exits waits for the proxy's thread, for ever: process.exit() and an uncaught
    // exception have to end the proxy first.
    const terminate = () => this.#terminate()
    process.on('exit', terminate)
    try {
      await this.proxy.run().finally(() => {
        this.#running = false
      })
      await released
    } finally {
      process.off('exit', terminate)
      threadsTaken--
      debug('ended')
    }
  }

  #terminate(): void {
    if (!this.#running) return
    this.#running = false
    this.proxy.terminate()
  }
}

function socketOptions(options: ResolvedOptions) {
  return {
    linger: 0, // milliseconds
    backlog,
    maxMessageSize: options.maxMessageSize === 0 ? -1 : options.maxMessageSize,
    heartbeatInterval: options.heartbeatInterval,
    heartbeatTimeout: options.heartbeatTimeout,
    heartbeatTimeToLive: options.heartbeatTimeout,
  }
}

/** A closed socket gives up its port a little later, in ZeroMQ's own thread. */
function whenReleased(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.events.on('close', () => resolve())
    socket.events.on('end', () => resolve())
  })
}

// A proxy occupies one of libuv's worker threads for as long as it runs. Once all of them are
// occupied, nothing that needs one (files, name look-ups, the next proxy) would ever come to its end.
let threadsTaken = 0

function takeThread(): void {
  const threads = Number(process.env.UV_THREADPOOL_SIZE) || 4
  if (threadsTaken > 0 && threadsTaken >= threads - 1) {
    throw new BrokerStateError(
      `${threadsTaken} brokers run in this process and take up all but one of its ${threads} ` +
        'worker threads: stop one, or start the process with a larger UV_THREADPOOL_SIZE',
    )
  }
  threadsTaken++
}
