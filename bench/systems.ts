/**
 * The systems that are compared, and what each of them needs.
 */

/** Where the process in the middle is found. */
export type Middle =
  | { kind: 'broker' | 'curve-broker'; pub: string; sub: string; curve?: CurveKeys }
  | { kind: 'redis-server'; port: number }
  | { kind: 'primary' }

/** What nodes show a broker that asks for keys. */
interface CurveKeys {
  serverKey: string
  secretKey: string
}

/** What a program that runs such a process can be asked. */
export interface MiddleApi {
  address(): { middle: Middle; pid: number }
}

export interface System {
  title: string
  /** The npm package whose version the report names. */
  package?: string
  /** The process between the nodes; without one there is a single node. */
  middle?: Middle['kind']
  /** A loss ends the run with an error, since the system promises that there is none. */
  isLossless?: boolean
  /** Takes part only in what the budget wants to know. */
  isYardstick?: boolean
  /** Messages on their way at once, at most, when it goes as fast as it can. */
  window: number
  /** Messages in one turn of the sender's event loop, at most, when it goes as fast as it can. */
  burst: number
}

/**
 * Window and burst are those with which each system delivers most; bench/README.md says how they were
 * found (`--window` and `--burst` set others). A variant of a system, with other options, is one more
 * line here and one more case in programs/adapters.ts.
 */
export const systems = {
  memory: { title: 'in-memory', window: Number.POSITIVE_INFINITY, burst: 100 },
  zmq: {
    title: 'this project',
    package: 'socket.io-zeromq',
    middle: 'broker',
    isLossless: true,
    window: 50_000,
    burst: 200,
  },
  curve: {
    title: 'with keys',
    middle: 'curve-broker',
    isLossless: true,
    isYardstick: true,
    window: 50_000,
    burst: 200,
  },
  bare: { title: 'bare bus', middle: 'broker', isYardstick: true, window: 50_000, burst: 200 },
  redis: {
    title: 'redis-adapter',
    package: '@socket.io/redis-adapter',
    middle: 'redis-server',
    window: 20_000,
    burst: 50,
  },
  sharded: {
    title: 'redis, sharded',
    package: '@socket.io/redis-adapter',
    middle: 'redis-server',
    window: 20_000,
    burst: 50,
  },
  streams: {
    title: 'redis-streams',
    package: '@socket.io/redis-streams-adapter',
    middle: 'redis-server',
    // its stream keeps about 10,000 entries, and forgets those that a node has not read by then
    window: 2_000,
    burst: 50,
  },
  cluster: {
    title: 'node:cluster',
    package: '@socket.io/cluster-adapter',
    middle: 'primary',
    window: 2_000,
    burst: 50,
  },
} as const satisfies Record<string, System>

export type SystemName = keyof typeof systems
export const systemNames = Object.keys(systems) as SystemName[]
