import createDebug from 'debug'
import type { Event, Subscriber, XPublisher } from 'zeromq'
import type { Role } from '../keys/key-file.js'
import { Denials, type Failure } from './denials.js'
import { AuthenticationError, type DenialReason } from './errors.js'
import { endpointOfAddress } from './peer-address.js'
import { eventsOf } from './socket-events.js'

const debug = createDebug('socket.io-zeromq:bus')

/** A socket, and the endpoints that it was told to connect to. */
interface Watched {
  socket: XPublisher | Subscriber
  endpoints: readonly string[]
}

export interface HandshakesOptions {
  watched: readonly Watched[]
  /** One's own key, if the connections are encrypted. */
  key: { publicKey: string; role: Role | undefined } | undefined
  /** Connects a socket again to an endpoint. */
  reconnect(socket: XPublisher | Subscriber, endpoint: string): void
  onRefused(error: AuthenticationError): void
}

/**
 * Watches how the connections to the brokers come about: tells of a broker that refuses us, and
 * connects again where ZeroMQ does not.
 */
export class Handshakes {
  readonly #options: HandshakesOptions
  readonly #denials: Denials
  readonly #timers = new Set<NodeJS.Timeout>()
  #isClosed = false

  constructor(options: HandshakesOptions) {
    this.#options = options
    this.#denials = new Denials(options.key !== undefined)
    for (const socket of options.watched) {
      this.#watch(socket).catch((error) => debug('events are not heard any more: %s', error))
    }
  }

  /** Whether a broker refuses us, as far as we know. */
  get areRefused(): boolean {
    return this.#denials.areThere
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) clearTimeout(timer)
  }

  async #watch({ socket, endpoints }: Watched): Promise<void> {
    // the events end when the socket is closed
    for await (const event of eventsOf(socket)) {
      const failure = failureOf(event)
      if (event.type !== 'handshake' && failure === undefined) continue
      const { address } = event as { address: string }
      const endpoint = await endpointOfAddress(address, endpoints)
      if (endpoint === undefined) debug('no endpoint has the address %s', address)
      else if (failure === undefined) this.#denials.established(endpoint)
      else this.#onFailure(socket, endpoint, failure)
    }
  }

  #onFailure(socket: XPublisher | Subscriber, endpoint: string, failure: Failure): void {
    if (this.#isClosed) return
    debug('the handshake with %s failed: %s', endpoint, failure)
    const { tell, retryInMs } = this.#denials.failed(endpoint, failure)
    if (retryInMs !== undefined) this.#retry(socket, endpoint, retryInMs)
    if (tell !== undefined) {
      const message = MESSAGES[tell](endpoint, this.#options.key)
      this.#options.onRefused(new AuthenticationError(message, endpoint, tell))
    }
  }

  #retry(socket: XPublisher | Subscriber, endpoint: string, afterMs: number): void {
    // many who were refused at once should not all come back at once
    const jitteredMs = afterMs * (0.75 + Math.random() / 2)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      try {
        socket.disconnect(endpoint)
        this.#options.reconnect(socket, endpoint)
      } catch (error) {
        debug('cannot connect again to %s: %s', endpoint, (error as Error).message)
      }
    }, jitteredMs)
    timer.unref()
    this.#timers.add(timer)
  }
}

function failureOf(event: Event): Failure | undefined {
  switch (event.type) {
    case 'handshake:error:auth':
      return 'auth'
    case 'handshake:error:protocol':
      return event.error.code === 'ERR_ZMTP_MECHANISM_MISMATCH' ? 'mismatch' : 'protocol'
    case 'handshake:error:other':
      return 'ended'
    default:
      return undefined
  }
}

const RETRY = 'this goes on trying'

type Key = HandshakesOptions['key']

const MESSAGES: Record<DenialReason, (endpoint: string, key: Key) => string> = {
  key: (endpoint, key) => {
    const who = key === undefined ? 'this process' : `the key ${key.publicKey}`
    const forEmitters =
      key?.role === 'node'
        ? ''
        : '; an emitter subscribes at its --emitter-sub, and not at its --sub'
    return (
      `the broker at ${endpoint} refuses ${who}: put the public key file into the folder of its ` +
      `--authorized-keys${forEmitters} (${RETRY})`
    )
  },
  'no-key': (endpoint) =>
    `the broker at ${endpoint} takes only who has a key: give option curve, with keys made by ` +
    `"npx zmq-broker keygen" (${RETRY})`,
  'no-curve': (endpoint) =>
    `the broker at ${endpoint} has no key, and takes nobody who has one: start it with --curve-key ` +
    `and --authorized-keys, or leave out option curve (${RETRY})`,
  handshake: (endpoint) =>
    `the broker at ${endpoint} ends each connection before it is established: see whether ` +
    `a broker with a key listens there, and whether curve.serverKey is its public key (${RETRY})`,
}
