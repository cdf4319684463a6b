import { isIPv6 } from 'node:net'
import { collide, type Endpoint, formatEndpoint, parseEndpoint } from './endpoint.js'
import { BrokerOptionError } from './errors.js'
import type { Door } from './refusals.js'

/** What a {@link Broker} can be told. Every option may be left out. */
export interface BrokerOptions {
  /**
   * Where to listen: an IP address, the name of a network interface, or a host name that resolves
   * to an address of this machine. `0.0.0.0` is every IPv4 address, `::` every address. A full
   * endpoint in `pub` or `sub` brings its own host.
   *
   * @default '127.0.0.1'
   */
  host?: string | undefined

  /**
   * Where publishers connect: a TCP port (0 picks a free one) or an endpoint, `tcp://host:port` or
   * `ipc:///path`.
   *
   * @default 5555
   */
  pub?: number | string | undefined

  /**
   * Where subscribers connect: a TCP port (0 picks a free one) or an endpoint, `tcp://host:port` or
   * `ipc:///path`.
   *
   * @default 5556
   */
  sub?: number | string | undefined

  /**
   * Where emitters subscribe when they have keys: a TCP port (0 picks a free one) or an endpoint. It
   * carries nothing of what servers say to each other. Opened if there is a `curveKey`, or if it is
   * given.
   *
   * @default 5557 with a `curveKey`
   */
  emitterSub?: number | string | undefined

  /**
   * The broker's own private key file, made by `zmq-broker keygen --role broker`. With it, all
   * connections are encrypted, and only who has an authorised key is let in.
   */
  curveKey?: string | undefined

  /**
   * The folder with the public key files (`*.pub`) of all who may connect; goes with `curveKey`. It
   * is read again when it changes. When a key that has connected is taken away, all connections are
   * made anew, and the one that lost its key is refused.
   */
  authorizedKeys?: string | undefined

  /**
   * Listens where others than this machine can connect, though there is no `curveKey`: for a network
   * in which everybody may read and say everything.
   *
   * @default false
   */
  insecure?: boolean | undefined

  /**
   * Frames that wait in the broker from each publisher. When so many wait, the broker stops reading
   * from that publisher until some are passed on. 0 is no limit.
   *
   * @default 10_000
   */
  pubHighWaterMark?: number | undefined

  /**
   * Frames that wait in the broker for each subscriber. When so many wait, further frames for that
   * subscriber, and for no other, are dropped until it has taken some. 0 is no limit.
   *
   * @default 10_000
   */
  subHighWaterMark?: number | undefined

  /**
   * The largest part of a message that the broker takes, in bytes, from 1024. The connection of a
   * peer that sends a larger one is closed. 0 is no limit.
   *
   * @default 67_108_864 (64 MiB)
   */
  maxMessageSize?: number | undefined

  /**
   * How often the broker pings each connection (a ZMTP heartbeat), in milliseconds, up to one hour.
   * 0 turns heartbeats off.
   *
   * @default 2000
   */
  heartbeatInterval?: number | undefined

  /**
   * How long after an unanswered ping the broker closes a connection, in milliseconds, up to one
   * hour; and how long a peer should wait for the broker's next ping before it does the same.
   * 0 never closes one.
   *
   * @default 6000
   */
  heartbeatTimeout?: number | undefined

  /**
   * How long the broker listens before it passes anything on, in milliseconds, up to one hour. After
   * a restart, subscribers come back in this time (ZeroMQ tries again every 100 to 200 ms), so that
   * what publishers send first finds them there. 0 passes on at once.
   *
   * @default 400
   */
  settleTime?: number | undefined
}

/** What holds where an option is left out. */
export const defaults = {
  host: '127.0.0.1',
  pub: 5555, // TCP port
  sub: 5556, // TCP port
  emitterSub: 5557, // TCP port, where there is a key
  insecure: false,
  pubHighWaterMark: 10_000, // frames, from each publisher
  subHighWaterMark: 10_000, // frames, for each subscriber
  maxMessageSize: 64 * 1024 * 1024, // bytes
  heartbeatInterval: 2000, // milliseconds
  heartbeatTimeout: 6000, // milliseconds
  settleTime: 400, // milliseconds
} as const satisfies Required<Omit<BrokerOptions, 'curveKey' | 'authorizedKeys'>>

/** An endpoint to bind, and the option that names its host. */
export interface Binding {
  readonly endpoint: Endpoint
  readonly hostOption: 'host' | Door
}

/** Where the keys are. */
export interface Curve {
  /** The broker's own private key file. */
  readonly curveKey: string
  /** The folder with the public key files of all who may connect. */
  readonly authorizedKeys: string
}

/** The options of a broker, checked and complete. */
export interface ResolvedOptions {
  readonly pub: Binding
  readonly sub: Binding
  readonly emitterSub: Binding | undefined
  readonly curve: Curve | undefined
  readonly insecure: boolean
  readonly pubHighWaterMark: number
  readonly subHighWaterMark: number
  readonly maxMessageSize: number
  readonly heartbeatInterval: number
  readonly heartbeatTimeout: number
  readonly settleTime: number
}

const maxInt32 = 2 ** 31 - 1
const hourMs = 60 * 60 * 1000
// A smaller limit would cut off the ZMTP handshake and subscriptions.
const minMessageSize = 1024 // bytes

/** Checks one option, and returns the value that holds. */
export const check = {
  host(value: unknown = defaults.host): string {
    const host = typeof value === 'string' ? value.replace(/^\[(.*)\]$/, '$1') : ''
    if (/^[^\s/:[\]]+$/.test(host) || isIPv6(host)) return host === '*' ? '0.0.0.0' : host
    throw new BrokerOptionError(
      'host',
      'must be an IP address, a host name or the name of a network interface, without a port',
      value,
    )
  },

  pub: (value: unknown = defaults.pub) => portOrEndpoint('pub', value),

  sub: (value: unknown = defaults.sub) => portOrEndpoint('sub', value),

  emitterSub: (value?: unknown) =>
    value === undefined ? undefined : portOrEndpoint('emitterSub', value),

  curveKey: (value?: unknown) => path('curveKey', 'a private key file', value),

  authorizedKeys: (value?: unknown) => path('authorizedKeys', 'a folder', value),

  insecure(value: unknown = defaults.insecure): boolean {
    if (typeof value === 'boolean') return value
    throw new BrokerOptionError('insecure', 'must be true or false', value)
  },

  pubHighWaterMark: (value: unknown = defaults.pubHighWaterMark) =>
    wholeNumber('pubHighWaterMark', value, maxInt32, 'frames'),

  subHighWaterMark: (value: unknown = defaults.subHighWaterMark) =>
    wholeNumber('subHighWaterMark', value, maxInt32, 'frames'),

  maxMessageSize(value: unknown = defaults.maxMessageSize): number {
    const isSize =
      Number.isSafeInteger(value) && ((value as number) >= minMessageSize || value === 0)
    if (isSize) return value as number
    throw new BrokerOptionError(
      'maxMessageSize',
      `must be a whole number of bytes, ${minMessageSize} or more, or 0 for no limit`,
      value,
    )
  },

  heartbeatInterval: (value: unknown = defaults.heartbeatInterval) =>
    wholeNumber('heartbeatInterval', value, hourMs, 'milliseconds'),

  heartbeatTimeout: (value: unknown = defaults.heartbeatTimeout) =>
    wholeNumber('heartbeatTimeout', value, hourMs, 'milliseconds'),

  settleTime: (value: unknown = defaults.settleTime) =>
    wholeNumber('settleTime', value, hourMs, 'milliseconds'),
} satisfies Record<keyof BrokerOptions, (value?: unknown) => unknown>

/**
 * Checks every option and fills in the defaults.
 *
 * @throws {BrokerOptionError} if an option has a value that it may not have
 */
export function resolveOptions(options: BrokerOptions): ResolvedOptions {
  const host = check.host(options.host)
  const pub = binding('pub', check.pub(options.pub), host)
  const sub = binding('sub', check.sub(options.sub), host)
  if (collide(pub.endpoint, sub.endpoint)) {
    const shared = formatEndpoint(sub.endpoint)
    throw new BrokerOptionError('sub', 'must not be where publishers connect', shared)
  }
  const curve = bothOrNone(
    check.curveKey(options.curveKey),
    check.authorizedKeys(options.authorizedKeys),
  )
  const where = check.emitterSub(options.emitterSub) ?? (curve && defaults.emitterSub)
  const emitterSub = where === undefined ? undefined : binding('emitterSub', where, host)
  if (emitterSub && [pub, sub].some(({ endpoint }) => collide(endpoint, emitterSub.endpoint))) {
    const shared = formatEndpoint(emitterSub.endpoint)
    throw new BrokerOptionError('emitterSub', 'must not be where others connect', shared)
  }
  return {
    pub,
    sub,
    emitterSub,
    curve,
    insecure: check.insecure(options.insecure),
    pubHighWaterMark: check.pubHighWaterMark(options.pubHighWaterMark),
    subHighWaterMark: check.subHighWaterMark(options.subHighWaterMark),
    maxMessageSize: check.maxMessageSize(options.maxMessageSize),
    heartbeatInterval: check.heartbeatInterval(options.heartbeatInterval),
    heartbeatTimeout: check.heartbeatTimeout(options.heartbeatTimeout),
    settleTime: check.settleTime(options.settleTime),
  }
}

function bothOrNone(curveKey?: string, authorizedKeys?: string): Curve | undefined {
  if (curveKey !== undefined && authorizedKeys !== undefined) return { curveKey, authorizedKeys }
  if (curveKey !== undefined) {
    const requirement = 'must be given too, since there is a key for the broker'
    throw new BrokerOptionError('authorizedKeys', requirement, undefined)
  }
  if (authorizedKeys !== undefined) {
    const requirement = 'must be given too, since there is a folder of authorised keys'
    throw new BrokerOptionError('curveKey', requirement, undefined)
  }
  return undefined
}

function path(
  option: 'curveKey' | 'authorizedKeys',
  what: string,
  value: unknown,
): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw new BrokerOptionError(option, `must be the path of ${what}`, value)
}

function binding(option: Door, where: number | Endpoint, host: string): Binding {
  return typeof where === 'number'
    ? { endpoint: { transport: 'tcp', host, port: where }, hostOption: 'host' }
    : { endpoint: where, hostOption: option }
}

function portOrEndpoint(option: Door, value: unknown): number | Endpoint {
  const port = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65535) {
    return port as number
  }
  const endpoint = typeof value === 'string' ? parseEndpoint(value) : undefined
  if (endpoint !== undefined) return endpoint
  throw new BrokerOptionError(
    option,
    'must be a port from 0 to 65535, tcp://host:port or ipc:///path',
    value,
  )
}

function wholeNumber(
  option: keyof BrokerOptions,
  value: unknown,
  max: number,
  unit: string,
): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max) {
    return value as number
  }
  throw new BrokerOptionError(option, `must be a whole number of ${unit} from 0 to ${max}`, value)
}
