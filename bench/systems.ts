/**
 * The systems that are compared, and how a Socket.IO server of each is made.
 */

/** Where the process in the middle listens. */
export type Middle =
  | { kind: 'broker'; pub: string; sub: string }
  | { kind: 'redis-server'; port: number }

/** What a program that runs such a process can be asked. */
export interface MiddleApi {
  address(): { middle: Middle; pid: number }
}

export interface System {
  title: string
  /** The process between the nodes; without one there is a single node. */
  middle?: Middle['kind']
  /** Messages on their way at once, at most, when it goes as fast as it can. */
  window: number
  /** Messages in one turn of the sender's event loop, at most, when it goes as fast as it can. */
  burst: number
}

/**
 * Window and burst are those with which each system delivered most when they were chosen (`--window`
 * and `--burst` set others). Redis's sender loses a fifth with bursts of 100, and with those of 10;
 * ours a quarter with those of 50. From 5,000 to 100,000 the window makes no difference to either.
 */
export const systems = {
  memory: { title: 'in-memory', window: Number.POSITIVE_INFINITY, burst: 100 },
  zmq: { title: 'this project', middle: 'broker', window: 50_000, burst: 100 },
  redis: { title: 'redis-adapter', middle: 'redis-server', window: 20_000, burst: 50 },
} as const satisfies Record<string, System>

export type SystemName = keyof typeof systems
export const systemNames = Object.keys(systems) as SystemName[]
