import { BUCKETS } from '../wire/buckets.js'
import type { Audience } from './audience.js'

/** Microseconds that things cost, all processes taken together; see docs/architecture.md. */
const COST = {
  /** To send a frame. */
  send: 2,
  /** What one to a bucket takes besides: it has a sequence of its own, with digests. */
  bucket: 1,
  /** To pass a frame on to a node, and to receive it there. */
  copy: 3,
  /** The same for each of its bytes. */
  byte: 0.002,
  /** To pass over a message that is for nobody on a node. */
  skip: 0.2,
} as const

/** Messages that follow each other in a batch and go to the same bucket. */
export interface Run {
  readonly bucket: number
  /** Where they end in the batch. */
  end: number
  messages: number
}

/**
 * Whether what a turn has said goes to everyone in one frame, or to the buckets of its addresses in
 * several: both arrive, and what costs less is taken.
 */
export class Directing {
  readonly #audience: Audience
  readonly #mode: 'by-cost' | 'always'
  readonly #holdMs: number
  /** Until when what is said to a bucket goes to everyone; made when it is first needed. */
  #heldUntil: Float64Array | undefined
  #allHeldUntil = Number.NEGATIVE_INFINITY

  /**
   * @param mode - `always` directs what can be directed, whatever it costs
   * @param holdMs - how long a bucket is not directed after others were asked to join a room in it
   */
  constructor(audience: Audience, mode: 'by-cost' | 'always', holdMs: number) {
    this.#audience = audience
    this.#mode = mode
    this.#holdMs = holdMs
  }

  /** Whether it can be cheaper at all: whether anybody does not hear every bucket. */
  get mayPay(): boolean {
    return this.#audience.told > 0 || this.#mode === 'always'
  }

  /**
   * Clients of other nodes were made to join rooms in these buckets, which those nodes may not be
   * subscribed to yet. `undefined` stands for all buckets.
   */
  hold(buckets: Iterable<number> | undefined, now: number): void {
    if (buckets === undefined) {
      this.#allHeldUntil = now + this.#holdMs
      return
    }
    this.#heldUntil ??= new Float64Array(BUCKETS)
    for (const bucket of buckets) this.#heldUntil[bucket] = now + this.#holdMs
  }

  /**
   * @param start - where the first run begins
   * @param runs - all that is in a batch
   */
  pays(start: number, runs: readonly Run[], now: number): boolean {
    if (now < this.#allHeldUntil) return false
    const members = this.#audience.members
    let toEveryone = COST.send + members * COST.copy
    let directed = 0
    let from = start
    for (const { bucket, end, messages } of runs) {
      if (this.#heldUntil !== undefined && now < this.#heldUntil[bucket]!) return false
      const bytes = (end - from) * COST.byte
      const interested = this.#audience.interested(bucket)
      toEveryone += members * bytes + (members - interested) * messages * COST.skip
      directed += COST.send + COST.bucket + interested * (COST.copy + bytes)
      from = end
    }
    return this.#mode === 'always' || directed < toEveryone
  }

  /** Whether it is cheaper to say a digest to each of these buckets than one of all to everyone. */
  paysForDigests(buckets: readonly number[]): boolean {
    let directed = 0
    for (const bucket of buckets) {
      directed += COST.send + this.#audience.interested(bucket) * COST.copy
    }
    return directed < COST.send + this.#audience.members * COST.copy
  }
}
