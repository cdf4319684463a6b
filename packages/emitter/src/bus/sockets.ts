import { context, Subscriber, XPublisher } from 'zeromq'
import { type AuthenticationError, OptionError } from './errors.js'
import { Handshakes } from './handshakes.js'
import type { ResolvedBusOptions } from './options.js'

/** libzmq's number for ZMQ_SNDHWM, which zeromq.js does not offer on a Subscriber. */
const ZMQ_SNDHWM = 23

/**
 * Sockets that a process may have; libzmq's own limit of 1,023 is enough for 170 buses, which take six
 * each: two, and two more for each of these, by which its connections are watched.
 */
const MAX_SOCKETS = 8_192
// here, because it counts only if nobody has made a socket before
if (context.maxSockets < MAX_SOCKETS) context.maxSockets = MAX_SOCKETS

/**
 * Milliseconds that a closed publisher goes on sending. With one broker everything has passed it by
 * then; of several, one has answered for all, and the others may be a moment behind.
 */
const SEVERAL_BROKERS_LINGER_MS = 1_000

/** The bus's two sockets, and how they are connected once their subscriptions are set. */
export interface BusSockets {
  pub: XPublisher
  sub: Subscriber
  connect(): void
  /** Tells of brokers that refuse us, and keeps on trying; not with ready-made sockets. */
  watch(onRefused: (error: AuthenticationError) => void): Handshakes | undefined
}

/** Makes the sockets of a bus, or takes the ready-made ones. */
export function makeSockets(options: ResolvedBusOptions): BusSockets {
  const { brokers, clients, curve, highWaterMark, maxMessageBytes } = options
  // their events can be read once, by their maker
  if (clients !== undefined) return { ...clients, connect() {}, watch: () => undefined }
  const shared = {
    heartbeatInterval: options.heartbeatIntervalMs,
    heartbeatTimeout: options.heartbeatTimeoutMs,
    linger: brokers.length > 1 ? SEVERAL_BROKERS_LINGER_MS : 0,
    ipv6: true,
    ...(curve && { curvePublicKey: curve.publicKey, curveSecretKey: curve.secretKey }),
  }
  const pub = new XPublisher({
    ...shared,
    // no queue for a broker that is not there: what waits, waits in the journal
    immediate: true,
    // with one broker, hold back where libzmq would drop; with several, a stuck one may not stop us
    noDrop: brokers.length === 1,
    sendHighWaterMark: highWaterMark,
  })
  const sub = new Subscriber({
    ...shared,
    receiveHighWaterMark: highWaterMark,
    maxMessageSize: maxMessageBytes,
  })
  // Subscriptions beyond this mark would be dropped without a word.
  ;(sub as unknown as { setInt32Option(option: number, value: number): void }).setInt32Option(
    ZMQ_SNDHWM,
    0,
  )
  return {
    pub,
    sub,
    connect() {
      for (const { pub: pubEndpoint, sub: subEndpoint, serverKey } of brokers) {
        connectTo(pub, pubEndpoint, serverKey)
        connectTo(sub, subEndpoint, serverKey)
      }
    },
    watch: (onRefused) =>
      new Handshakes({
        watched: [
          { socket: pub, endpoints: brokers.map((broker) => broker.pub) },
          { socket: sub, endpoints: brokers.map((broker) => broker.sub) },
        ],
        key: curve,
        reconnect(socket, endpoint) {
          const broker = brokers.find((broker) => [broker.pub, broker.sub].includes(endpoint))
          if (broker !== undefined) connectTo(socket, endpoint, broker.serverKey)
        },
        onRefused,
      }),
  }
}

function connectTo(
  socket: XPublisher | Subscriber,
  endpoint: string,
  serverKey: string | undefined,
): void {
  try {
    // a connection keeps the keys that its socket has when it is made
    if (serverKey !== undefined) socket.curveServerKey = serverKey
    socket.connect(endpoint)
  } catch (error) {
    throw new OptionError(
      `cannot connect to ${endpoint}: ${(error as Error).message}; check the host, port or path`,
      { cause: error },
    )
  }
}
