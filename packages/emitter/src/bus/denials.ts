import type { DenialReason } from './errors.js'

/** How a connection to a broker did not come about, as ZeroMQ tells it. */
export type Failure =
  /** The broker does not accept our key. */
  | 'auth'
  /** The broker's mechanism is another than ours. */
  | 'mismatch'
  /** The handshake was not what the mechanism wants. */
  | 'protocol'
  /** The connection has ended before it was established. */
  | 'ended'

/** What follows from a failure. */
export interface Verdict {
  /** What to tell, if that has not been told before. */
  tell: DenialReason | undefined
  /** When to connect again, if ZeroMQ does not do it by itself. */
  retryInMs: number | undefined
}

/** A few times it may be a broker that just stops, or one that is gone before we have read why. */
const ENDED_BEFORE_TOLD = 10
const FIRST_RETRY_MS = 250
const MAX_RETRY_MS = 4_000

/**
 * What the failures of connections come to. A plain state machine.
 *
 * Each reason is told once for an endpoint, until a connection to it has been established again.
 * ZeroMQ gives up a connection whose handshake fails for good, though the broker may be told of the
 * key later: then it is up to us to try again, ever more slowly.
 */
export class Denials {
  readonly #usesCurve: boolean
  readonly #endpoints = new Map<
    string,
    { told: Set<DenialReason>; retries: number; ended: number }
  >()

  constructor(usesCurve: boolean) {
    this.#usesCurve = usesCurve
  }

  /** Whether an endpoint refuses us, as far as we know. */
  get areThere(): boolean {
    return [...this.#endpoints.values()].some(({ told }) => told.size > 0)
  }

  /** A connection is established. */
  established(endpoint: string): void {
    this.#endpoints.delete(endpoint)
  }

  /** A connection has failed. */
  failed(endpoint: string, failure: Failure): Verdict {
    const state = this.#endpoints.get(endpoint) ?? { told: new Set(), retries: 0, ended: 0 }
    this.#endpoints.set(endpoint, state)
    if (failure === 'ended') {
      state.ended++
      // without keys of ours, it may as well be that nobody listens behind a load balancer
      const isSuspicious = this.#usesCurve && state.ended >= ENDED_BEFORE_TOLD
      return {
        tell: isSuspicious ? tellOnce(state.told, 'handshake') : undefined,
        retryInMs: undefined,
      }
    }
    const retryInMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(state.retries++, 16), MAX_RETRY_MS)
    return { tell: tellOnce(state.told, this.#reasonOf(failure)), retryInMs }
  }

  #reasonOf(failure: Exclude<Failure, 'ended'>): DenialReason {
    if (failure === 'auth') return 'key'
    if (failure === 'protocol') return 'handshake'
    return this.#usesCurve ? 'no-curve' : 'no-key'
  }
}

function tellOnce(told: Set<DenialReason>, reason: DenialReason): DenialReason | undefined {
  if (told.has(reason)) return undefined
  told.add(reason)
  return reason
}
