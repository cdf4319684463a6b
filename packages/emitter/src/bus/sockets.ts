import { Subscriber, XPublisher } from 'zeromq'
import { OptionError } from './errors.js'
import type { ResolvedBusOptions } from './options.js'

/** libzmq's number for ZMQ_SNDHWM, which zeromq.js does not offer on a Subscriber. */
const ZMQ_SNDHWM = 23

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
}

/** Makes the sockets of a bus, or takes the ready-made ones. */
export function makeSockets(options: ResolvedBusOptions): BusSockets {
  const { brokers, clients, highWaterMark, maxMessageBytes } = options
  if (clients !== undefined) return { ...clients, connect() {} }
  const heartbeat = {
    heartbeatInterval: options.heartbeatIntervalMs,
    heartbeatTimeout: options.heartbeatTimeoutMs,
    linger: brokers.length > 1 ? SEVERAL_BROKERS_LINGER_MS : 0,
    ipv6: true,
  }
  const pub = new XPublisher({
    ...heartbeat,
    // no queue for a broker that is not there: what waits, waits in the journal
    immediate: true,
    // with one broker, hold back where libzmq would drop; with several, a stuck one may not stop us
    noDrop: brokers.length === 1,
    sendHighWaterMark: highWaterMark,
  })
  const sub = new Subscriber({
    ...heartbeat,
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
      for (const broker of brokers) {
        connectTo(pub, broker.pub)
        connectTo(sub, broker.sub)
      }
    },
  }
}

function connectTo(socket: XPublisher | Subscriber, endpoint: string): void {
  try {
    socket.connect(endpoint)
  } catch (error) {
    throw new OptionError(
      `cannot connect to ${endpoint}: ${(error as Error).message}; check the host, port or path`,
      { cause: error },
    )
  }
}
