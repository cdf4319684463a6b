import { BrokerStateError } from './errors.js'
import { type BrokerEndpoints, Forwarder } from './forwarder.js'
import { type BrokerOptions, type ResolvedOptions, resolveOptions } from './options.js'

/**
 * The process in the middle: publishers connect to one socket (XSUB), subscribers to the other
 * (XPUB), and each frame goes from the one to all who subscribed to its topic at the other.
 *
 * While it runs, it keeps the process alive and takes up one of libuv's worker threads.
 *
 * ```ts
 * const broker = new Broker({ pub: 0, sub: 0 })
 * await broker.start()
 * console.log(broker.endpoints) // { pub: 'tcp://127.0.0.1:41017', sub: 'tcp://127.0.0.1:36895' }
 * await broker.stop()
 * ```
 */
export class Broker {
  readonly #options: ResolvedOptions
  #opening: Promise<Forwarder> | undefined
  #forwarder: Forwarder | undefined

  /** @throws {BrokerOptionError} if an option has a value that it may not have */
  constructor(options: BrokerOptions = {}) {
    this.#options = resolveOptions(options)
  }

  /**
   * Starts listening. A broker that was stopped can be started again.
   *
   * @throws {BrokerBindError} if it cannot listen where it was told to; nothing is left open then
   * @throws {BrokerStateError} if the broker runs already, or if so many brokers run in this process
   *   that there is no worker thread for another
   */
  async start(): Promise<void> {
    if (this.#opening) {
      throw new BrokerStateError('the broker has been started already: call stop() first')
    }
    const opening = Forwarder.open(this.#options)
    this.#opening = opening
    const forget = () => {
      this.#opening = undefined
      this.#forwarder = undefined
    }
    try {
      this.#forwarder = await opening
    } catch (error) {
      forget()
      throw error
    }
    this.#forwarder.ended.then(forget, forget)
  }

  /**
   * Stops listening, and resolves when both ports are free again. What has not been passed on by then
   * is dropped. Does nothing if the broker does not run.
   */
  async stop(): Promise<void> {
    const forwarder = await this.#opening?.catch(() => undefined)
    await forwarder?.close()
  }

  /**
   * Where the broker listens, in numbers and with the real ports.
   *
   * @throws {BrokerStateError} if the broker does not run
   */
  get endpoints(): BrokerEndpoints {
    return this.#running().endpoints
  }

  /**
   * Resolves when the broker has been stopped, and rejects if its proxy failed by itself.
   *
   * @throws {BrokerStateError} if the broker does not run
   */
  async ended(): Promise<void> {
    await this.#running().ended
  }

  #running(): Forwarder {
    if (this.#forwarder === undefined) {
      throw new BrokerStateError('the broker does not run: await start() first')
    }
    return this.#forwarder
  }
}
