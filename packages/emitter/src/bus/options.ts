import type { Subscriber, XPublisher } from 'zeromq'
import { type CurveOptions, type ResolvedCurve, resolveKeys } from './curve.js'
import { OptionError } from './errors.js'
import { choiceOption, integerOption, invalid, rejectUnknownOptions } from './option-checks.js'

export { choiceOption, integerOption, rejectUnknownOptions } from './option-checks.js'

/** The two endpoints of one broker. */
export interface BrokerEndpoints {
  /** Where publishers connect, such as `tcp://127.0.0.1:5555` or `ipc:///run/zmq/pub`. */
  pub: string
  /** Where subscribers connect, such as `tcp://127.0.0.1:5556`. */
  sub: string
  /** This broker's public key, if it is not that of `curve.serverKey`. */
  serverKey?: string
}

/** How a bus finds its brokers, and the bounds it keeps. */
export interface BusOptions {
  /**
   * The cluster's name, the first part of every topic. Clusters with different keys can share a
   * broker. 1 to 200 printable ASCII characters, no `/`.
   * @default "socket.io"
   */
  key?: string
  /**
   * The broker's host name or address.
   * @default "127.0.0.1"
   */
  host?: string
  /**
   * The port where publishers connect, the broker's `--pub`.
   * @default 5555
   */
  pubPort?: number
  /**
   * The port where subscribers connect, the broker's `--sub`.
   * @default 5556
   */
  subPort?: number
  /**
   * One or more brokers by their full endpoints, instead of `host`, `pubPort` and `subPort`.
   * Everything goes through each of them.
   */
  brokers?: BrokerEndpoints[]
  /**
   * A ready-made ZeroMQ `XPublisher`, connected to the brokers, instead of the above. Make it with
   * `{ immediate: true }`. It becomes the bus's own, which closes it.
   */
  pubClient?: XPublisher
  /** A ready-made ZeroMQ `Subscriber`, connected to the brokers; it goes with `pubClient`. */
  subClient?: Subscriber
  /**
   * Encrypts the connections to the brokers, and proves to them who this process is. Without it the
   * brokers have to be on this machine, or in a network that is trusted.
   */
  curve?: CurveOptions
  /** What is kept of one's own frames: those that wait for the link, and those to be repaired. */
  journal?: {
    /**
     * Bytes of frames that are kept; beyond it the oldest go. If one of them was never sent, that is
     * counted and reported.
     * @default 33_554_432 (32 MiB)
     */
    maxBytes?: number
    /**
     * Milliseconds that frames are kept after they were sent.
     * @default 60_000
     */
    maxAgeMs?: number
  }
  /**
   * The largest message in bytes, sent or received. No more than the brokers' `--max-message-size`.
   * @default 67_108_864 (64 MiB)
   */
  maxMessageBytes?: number
  /**
   * Frames that ZeroMQ queues for each broker, and from each broker, before it holds back.
   * @default 10_000
   */
  highWaterMark?: number
  /**
   * Milliseconds that members are kept after a lost link is up again, for them to come back too.
   * @default 2_000
   */
  memberGraceMs?: number
  /**
   * Milliseconds that `close()` and `flush()` give what was said to reach a broker.
   * @default 5_000
   */
  closeTimeoutMs?: number
  /**
   * Milliseconds between ZMTP heartbeats to the brokers, 0 for none.
   * @default 2_000
   */
  heartbeatIntervalMs?: number
  /**
   * Milliseconds without a heartbeat's answer after which a connection is taken for dead.
   * @default 6_000
   */
  heartbeatTimeoutMs?: number
  /**
   * `always` directs what can be directed, whatever it costs. For tests: it takes more nodes than they
   * have until that is cheaper.
   * @internal
   */
  direct?: 'by-cost' | 'always'
  /**
   * `off` leaves out the numbers, and with them the journal of what was sent, the order and the repair.
   * For the benchmark, to measure what they cost.
   * @internal
   */
  sequences?: 'on' | 'off'
  /**
   * `off` sends a frame in each turn of the event loop, however soon the next one comes. For the
   * benchmark, which needs frames of a known size.
   * @internal
   */
  gathering?: 'on' | 'off'
}

/** The options of a bus with the defaults filled in. */
export interface ResolvedBusOptions {
  key: string
  brokers: BrokerEndpoints[]
  clients: { pub: XPublisher; sub: Subscriber } | undefined
  curve: ResolvedCurve | undefined
  journal: { maxBytes: number; maxAgeMs: number }
  maxMessageBytes: number
  highWaterMark: number
  memberGraceMs: number
  closeTimeoutMs: number
  heartbeatIntervalMs: number
  heartbeatTimeoutMs: number
  direct: 'by-cost' | 'always'
  sequences: 'on' | 'off'
  gathering: 'on' | 'off'
}

const DEFAULTS = {
  key: 'socket.io',
  host: '127.0.0.1',
  pubPort: 5555,
  subPort: 5556,
  maxJournalBytes: 32 * 1024 * 1024,
  maxJournalAgeMs: 60_000,
  maxMessageBytes: 64 * 1024 * 1024,
  highWaterMark: 10_000,
  memberGraceMs: 2_000,
  closeTimeoutMs: 5_000,
  heartbeatIntervalMs: 2_000,
  heartbeatTimeoutMs: 6_000,
} as const

/** The names of the options of a bus. */
export const BUS_OPTION_NAMES: readonly (keyof BusOptions)[] = [
  'key',
  'host',
  'pubPort',
  'subPort',
  'brokers',
  'pubClient',
  'subClient',
  'curve',
  'journal',
  'maxMessageBytes',
  'highWaterMark',
  'memberGraceMs',
  'closeTimeoutMs',
  'heartbeatIntervalMs',
  'heartbeatTimeoutMs',
]

/** A timer cannot wait longer: 2^31 - 1 milliseconds. */
const MAX_MS = 2_147_483_647

/**
 * Checks the options of a bus and fills in the defaults.
 * @throws OptionError
 */
export function resolveBusOptions(options: BusOptions): ResolvedBusOptions {
  const { key = DEFAULTS.key, journal = {} } = options
  if (typeof key !== 'string' || !/^[\x21-\x2e\x30-\x7e]{1,200}$/.test(key)) {
    throw invalid('key', '1 to 200 printable ASCII characters without "/"', key)
  }
  if (typeof journal !== 'object' || journal === null) {
    throw invalid('journal', 'an object such as { maxBytes: 33554432 }', journal)
  }
  rejectUnknownOptions(journal, ['maxBytes', 'maxAgeMs'], 'journal.')
  const number = (name: keyof BusOptions & keyof typeof DEFAULTS, min: number, max: number) =>
    integerOption(name, options[name] as unknown, DEFAULTS[name] as number, min, max)
  return {
    key,
    ...resolveKeys(resolveBrokers(options), options.curve),
    journal: {
      maxBytes: integerOption(
        'journal.maxBytes',
        journal.maxBytes,
        DEFAULTS.maxJournalBytes,
        0,
        Number.MAX_SAFE_INTEGER,
      ),
      maxAgeMs: integerOption(
        'journal.maxAgeMs',
        journal.maxAgeMs,
        DEFAULTS.maxJournalAgeMs,
        0,
        MAX_MS,
      ),
    },
    maxMessageBytes: number('maxMessageBytes', 4096, 0x7fff_ffff),
    highWaterMark: number('highWaterMark', 1, 0x7fff_ffff),
    memberGraceMs: number('memberGraceMs', 0, MAX_MS),
    closeTimeoutMs: number('closeTimeoutMs', 0, MAX_MS),
    heartbeatIntervalMs: number('heartbeatIntervalMs', 0, MAX_MS),
    heartbeatTimeoutMs: number('heartbeatTimeoutMs', 1, MAX_MS),
    direct: choiceOption('direct', options.direct, 'by-cost', ['by-cost', 'always']),
    sequences: choiceOption('sequences', options.sequences, 'on', ['on', 'off']),
    gathering: choiceOption('gathering', options.gathering, 'on', ['on', 'off']),
  }
}

function resolveBrokers(options: BusOptions): Pick<ResolvedBusOptions, 'brokers' | 'clients'> {
  const { brokers, pubClient, subClient } = options
  const byHost = (['host', 'pubPort', 'subPort'] as const).filter((n) => options[n] !== undefined)
  if (pubClient !== undefined || subClient !== undefined) {
    const others = [
      ...byHost,
      ...(['brokers', 'curve'] as const).filter((n) => options[n] !== undefined),
    ]
    if (others.length > 0) {
      throw new OptionError(
        `option ${others[0]} cannot be combined with pubClient and subClient: ` +
          'ready-made sockets are connected already',
      )
    }
    if (!isSocket<XPublisher>(pubClient, 'XPublisher', 'send')) {
      throw invalid('pubClient', "a ZeroMQ XPublisher (from 'zeromq')", pubClient)
    }
    if (!isSocket<Subscriber>(subClient, 'Subscriber', 'subscribe')) {
      throw invalid('subClient', "a ZeroMQ Subscriber (from 'zeromq')", subClient)
    }
    return { brokers: [], clients: { pub: pubClient, sub: subClient } }
  }
  if (brokers === undefined) {
    const { host = DEFAULTS.host } = options
    if (typeof host !== 'string' || !/^[^\s/]+$/.test(host)) {
      throw invalid('host', 'a host name or an address such as "127.0.0.1"', host)
    }
    const at = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
    const port = (name: 'pubPort' | 'subPort') =>
      integerOption(name, options[name], DEFAULTS[name], 1, 65_535)
    return {
      brokers: [{ pub: `tcp://${at}:${port('pubPort')}`, sub: `tcp://${at}:${port('subPort')}` }],
      clients: undefined,
    }
  }
  if (byHost.length > 0) {
    throw new OptionError(
      `option ${byHost[0]} cannot be combined with brokers: give either host, pubPort and subPort, ` +
        'or brokers',
    )
  }
  const example = "[{ pub: 'tcp://127.0.0.1:5555', sub: 'tcp://127.0.0.1:5556' }]"
  if (!Array.isArray(brokers) || brokers.length === 0) throw invalid('brokers', example, brokers)
  const resolved = brokers.map((broker: unknown, i) => {
    if (typeof broker !== 'object' || broker === null) {
      throw invalid(`brokers[${i}]`, `an object as in ${example}`, broker)
    }
    rejectUnknownOptions(broker, ['pub', 'sub', 'serverKey'], `brokers[${i}].`)
    const { pub, sub, serverKey } = broker as Record<string, unknown>
    return {
      pub: endpoint(`brokers[${i}].pub`, pub),
      sub: endpoint(`brokers[${i}].sub`, sub),
      ...(serverKey === undefined ? {} : { serverKey: serverKey as string }),
    }
  })
  return { brokers: resolved, clients: undefined }
}

function endpoint(name: string, value: unknown): string {
  if (typeof value === 'string') {
    const tcp = /^tcp:\/\/(?:\[[^\]\s]+\]|[^:/\s]+):(\d{1,5})$/.exec(value)
    if (tcp !== null && Number(tcp[1]) >= 1 && Number(tcp[1]) <= 65_535) return value
    if (/^(ipc|inproc):\/\/\S+$/.test(value)) return value
  }
  throw invalid(name, 'an endpoint such as "tcp://127.0.0.1:5555" or "ipc:///run/zmq/pub"', value)
}

function isSocket<T>(value: unknown, type: string, method: string): value is T {
  if (typeof value !== 'object' || value === null) return false
  // by its name and not by instanceof: it may come from another copy of the library
  const named = value.constructor?.name === type
  return named && typeof (value as Record<string, unknown>)[method] === 'function'
}
