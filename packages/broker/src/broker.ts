import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import createDebug from 'debug'
import type { Key } from 'socket.io-zeromq-emitter/keys'
import { Context } from 'zeromq'
import { parseEndpoint } from './endpoint.js'
import { BrokerBindError, BrokerStateError } from './errors.js'
import { type BrokerEndpoints, Forwarder } from './forwarder.js'
import { Gate } from './gate.js'
import { type BrokerOptions, type ResolvedOptions, resolveOptions } from './options.js'
import { type Door, type Refusal, RefusalLog, type ToldRefusal } from './refusals.js'

const debug = createDebug('zmq-broker')

// When all connections are made anew, somebody else may hold a port for a moment.
const rebindTries = 50
const rebindIntervalMs = 100

/** What a {@link Broker} tells; nobody has to listen. */
export interface BrokerEvents {
  /** Somebody was not let in. The same refusal is told of once a minute. */
  refused: [refusal: ToldRefusal]
  /**
   * Keys that had connected were taken away, or may do less now. All connections are made anew: for
   * about the settle time nothing is passed on.
   */
  revoked: [keys: readonly { role: string; name: string; publicKey: string }[]]
  /** Something about the key files should be mended. */
  warning: [message: string]
}

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
export class Broker extends EventEmitter<BrokerEvents> {
  readonly #options: ResolvedOptions
  readonly #refusals = new RefusalLog()
  #opening: Promise<void> | undefined
  #gate: Gate | undefined
  #forwarder: Forwarder | undefined
  #ended: Promise<void> | undefined
  #isStopping = false
  /** Whether all connections are to be made anew. */
  #isRenewing = false

  /** @throws {BrokerOptionError} if an option has a value that it may not have */
  constructor(options: BrokerOptions = {}) {
    super()
    this.#options = resolveOptions(options)
  }

  /**
   * Starts listening. A broker that was stopped can be started again.
   *
   * @throws {BrokerOptionError} if the broker's key or the folder of authorised keys cannot be read
   * @throws {BrokerProtectedError} if others than this machine could connect, and there are no keys
   * @throws {BrokerBindError} if it cannot listen where it was told to; nothing is left open then
   * @throws {BrokerStateError} if the broker runs already, or if so many brokers run in this process
   *   that there is no worker thread for another
   */
  async start(): Promise<void> {
    if (this.#opening) {
      throw new BrokerStateError('the broker has been started already: call stop() first')
    }
    this.#opening = this.#open()
    try {
      await this.#opening
    } catch (error) {
      this.#forget()
      throw error
    }
  }

  /**
   * Stops listening, and resolves when all ports are free again. What waits for subscribers then is
   * sent on for 0.2 seconds, and what is left is dropped. Does nothing if the broker does not run.
   */
  async stop(): Promise<void> {
    await this.#opening?.catch(() => {})
    if (this.#ended === undefined) return
    this.#isStopping = true
    this.#forwarder?.close().catch(() => {})
    await this.#ended
  }

  /**
   * Where the broker listens, in numbers and with the real ports.
   *
   * @throws {BrokerStateError} if the broker does not run
   */
  get endpoints(): BrokerEndpoints {
    return this.#running().forwarder.endpoints
  }

  /**
   * The broker's public key, which its clients have to know; `undefined` if it has no key.
   *
   * @throws {BrokerStateError} if the broker does not run
   */
  get publicKey(): string | undefined {
    this.#running()
    return this.#gate?.publicKey
  }

  /**
   * How many keys may connect now; `undefined` if the broker has no key.
   *
   * @throws {BrokerStateError} if the broker does not run
   */
  get authorized(): { nodes: number; emitters: number } | undefined {
    this.#running()
    return this.#gate?.counts
  }

  /**
   * Resolves when the broker has been stopped, and rejects if its proxy failed by itself.
   *
   * @throws {BrokerStateError} if the broker does not run
   */
  async ended(): Promise<void> {
    await this.#running().ended
  }

  #running(): { forwarder: Forwarder; ended: Promise<void> } {
    const [forwarder, ended] = [this.#forwarder, this.#ended]
    if (forwarder === undefined || ended === undefined) {
      throw new BrokerStateError('the broker does not run: await start() first')
    }
    return { forwarder, ended }
  }

  async #open(): Promise<void> {
    this.#isStopping = false
    this.#isRenewing = false
    const { curve } = this.#options
    if (curve !== undefined) {
      // A context of its own: there is one gate in each, and no other sockets of this process ask it.
      this.#gate = new Gate(curve, new Context(), {
        onRefused: (reason, door, { address, publicKey }, key) => {
          const who = key && { role: key.role, name: key.name }
          this.#refuse({
            reason,
            door,
            endpoint: this.#endpointOf(door),
            address,
            publicKey,
            ...who,
          })
        },
        onRevoked: (keys) => this.#renew(keys),
        onProblem: (message) => {
          debug('warning: %s', message)
          this.emit('warning', message)
        },
      })
    }
    this.#forwarder = await this.#openForwarder(this.#options)
    this.#ended = this.#serve(this.#forwarder).finally(() => this.#forget())
    this.#ended.catch(() => {})
  }

  #openForwarder(options: ResolvedOptions): Promise<Forwarder> {
    return Forwarder.open(options, this.#gate, (failed) => this.#refuse(failed))
  }

  async #serve(first: Forwarder): Promise<void> {
    let forwarder = first
    for (;;) {
      await forwarder.ended
      if (this.#isStopping || !this.#isRenewing) return
      this.#isRenewing = false
      this.#gate?.reset()
      forwarder = await this.#reopen(forwarder.endpoints)
      this.#forwarder = forwarder
      // Keys may have been taken away, or the broker stopped, while it was opened.
      if (this.#isStopping || this.#isRenewing) forwarder.close().catch(() => {})
    }
  }

  /** Listens again where it listened before. */
  async #reopen(endpoints: BrokerEndpoints): Promise<Forwarder> {
    const { pub, sub, emitterSub } = this.#options
    const options = {
      ...this.#options,
      pub: { ...pub, endpoint: parseEndpoint(endpoints.pub) ?? pub.endpoint },
      sub: { ...sub, endpoint: parseEndpoint(endpoints.sub) ?? sub.endpoint },
      emitterSub: emitterSub && {
        ...emitterSub,
        endpoint: parseEndpoint(endpoints.emitterSub ?? '') ?? emitterSub.endpoint,
      },
    }
    for (let triesLeft = rebindTries; ; triesLeft--) {
      try {
        return await this.#openForwarder(options)
      } catch (error) {
        const isTaken = error instanceof BrokerBindError && error.code === 'EADDRINUSE'
        if (!isTaken || triesLeft === 1 || this.#isStopping) throw error
        await sleep(rebindIntervalMs)
      }
    }
  }

  /** ZeroMQ cannot close the connection of one peer: all are closed, and who may comes back. */
  #renew(keys: readonly Key[]): void {
    const revoked = keys.map(({ role, name, publicKey }) => ({ role, name, publicKey }))
    debug('revoked: %o', revoked)
    this.#isRenewing = true
    this.#forwarder?.close().catch(() => {})
    this.emit('revoked', revoked)
  }

  #refuse(refusal: Refusal): void {
    const told = this.#refusals.add(refusal, performance.now())
    if (told === undefined) return
    debug('%s', told.message)
    this.emit('refused', told)
  }

  #endpointOf(door: Door): string {
    // Somebody may knock before the broker has said where it listens.
    return this.#forwarder?.endpoints[door] ?? door
  }

  #forget(): void {
    this.#gate?.close()
    this.#gate = undefined
    this.#opening = undefined
    this.#forwarder = undefined
    this.#ended = undefined
  }
}
