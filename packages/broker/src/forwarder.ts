import { setTimeout as sleep } from 'node:timers/promises'
import createDebug from 'debug'
import { eventsOf } from 'socket.io-zeromq-emitter/bus'
import { Proxy as NativeProxy, type Socket, XPublisher, XSubscriber } from 'zeromq'
import { isLocal } from './endpoint.js'
import { BrokerProtectedError, BrokerStateError } from './errors.js'
import type { Gate } from './gate.js'
import { type FailedHandshake, watchHandshakes } from './handshakes.js'
import { listen, locate, type Place } from './listen.js'
import type { ResolvedOptions } from './options.js'
import type { Door } from './refusals.js'
import { Relay } from './relay.js'

const debug = createDebug('zmq-broker')

// After a restart every node and emitter connects again at once.
const backlog = 4096 // connections that wait to be accepted

/** Where the two sockets listen. */
export interface BrokerEndpoints {
  /** Where publishers connect, for example `tcp://127.0.0.1:5555`. */
  readonly pub: string
  /** Where subscribers connect, for example `tcp://127.0.0.1:5556`. */
  readonly sub: string
  /** Where emitters subscribe, if there is such a place. */
  readonly emitterSub?: string
}

/** How long a subscriber has, when its connection is closed, to take what waits for it. */
const subscribersLingerMs = 200

/**
 * Two bound sockets and libzmq's own proxy between them: what comes in at one goes out at the other
 * without passing through JavaScript. And, if asked for, a third socket for emitters, with a relay.
 */
export class Forwarder {
  /** Settles when the proxy has ended and its ports are free; rejects if it failed by itself. */
  readonly ended: Promise<void>
  #running = true

  private constructor(
    readonly endpoints: BrokerEndpoints,
    private readonly proxy: NativeProxy,
    private readonly relay: Relay | undefined,
    released: Promise<unknown>,
  ) {
    this.ended = this.#run(released)
    // Whoever is interested awaits it; to everyone else a failure is no unhandled rejection.
    this.ended.catch(() => {})
  }

  /**
   * Binds the sockets, waits for subscribers to come back, and starts the proxy.
   *
   * @param gate decides who is let in; without one, everybody is
   * @param onFailedHandshake is told of peers with which no connection comes about
   * @throws {BrokerProtectedError} if others could connect and there is no gate
   * @throws {BrokerBindError} if one of the sockets cannot listen; none is left open then
   * @throws {BrokerStateError} if this process has no thread to spare for another proxy
   */
  static async open(
    options: ResolvedOptions,
    gate: Gate | undefined,
    onFailedHandshake: (failed: FailedHandshake) => void,
  ): Promise<Forwarder> {
    const places = {
      pub: await locate('pub', options.pub),
      sub: await locate('sub', options.sub),
      emitterSub: options.emitterSub && (await locate('emitterSub', options.emitterSub)),
    }
    if (gate === undefined && !options.insecure) protect(Object.values(places))

    takeThread()
    const socketOptions = (door: Door) => ({ ...common(options), ...gate?.socketOptions(door) })
    const publishers = new XSubscriber({
      ...socketOptions('pub'),
      receiveHighWaterMark: options.pubHighWaterMark,
      // Subscriptions travel against the stream. Beyond a limit libzmq drops them, silently.
      sendHighWaterMark: 0,
    })
    const forSubscribers = {
      linger: subscribersLingerMs,
      receiveHighWaterMark: 0,
      sendHighWaterMark: options.subHighWaterMark,
    }
    const subscribers = new XPublisher({ ...socketOptions('sub'), ...forSubscribers })
    const emitters =
      places.emitterSub && new XPublisher({ ...socketOptions('emitterSub'), ...forSubscribers })
    const sockets: Socket[] = [publishers, subscribers, ...(emitters ? [emitters] : [])]
    const bound: Promise<void>[] = []
    const open = async (socket: XPublisher | XSubscriber, place: Place) => {
      const released = whenReleased(socket)
      const endpoint = await listen(socket, place)
      bound.push(released)
      watchHandshakes(socket, place.door, endpoint, gate !== undefined, onFailedHandshake)
      return endpoint
    }
    let relay: Relay | undefined
    try {
      const pub = await open(publishers, places.pub)
      const sub = await open(subscribers, places.sub)
      debug('publishers connect to %s, subscribers to %s', pub, sub)
      let endpoints: BrokerEndpoints = { pub, sub }
      if (emitters !== undefined && places.emitterSub !== undefined) {
        const emitterSub = await open(emitters, places.emitterSub)
        endpoints = { ...endpoints, emitterSub }
        const inside = `inproc://zmq-broker-${++lastRelay}`
        subscribers.bindSync(inside)
        relay = new Relay(emitters, inside)
        debug('emitters subscribe at %s', emitterSub)
      }
      // The ports take connections already; what comes in waits until the proxy runs.
      await sleep(options.settleTime)
      // Its sockets cannot be touched any more once the proxy runs.
      const proxy = new NativeProxy(publishers, subscribers)
      return new Forwarder(endpoints, proxy, relay, Promise.all(bound))
    } catch (error) {
      relay?.close()
      for (const socket of sockets) socket.close()
      await Promise.all(bound)
      threadsTaken--
      throw error
    }
  }

  /** Ends the proxy and closes the sockets. */
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
        this.relay?.close()
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

let lastRelay = 0

/** Protected mode: without keys, only this machine's own processes may connect. */
function protect(places: readonly (Place | undefined)[]): void {
  for (const place of places) {
    if (place === undefined || isLocal(place.endpoint)) continue
    const { endpoint, hostOption } = place
    throw new BrokerProtectedError(hostOption, endpoint.transport === 'tcp' ? endpoint.host : '')
  }
}

function common(options: ResolvedOptions) {
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
    const events = eventsOf(socket)
    events.on('close', () => resolve())
    events.on('end', () => resolve())
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
