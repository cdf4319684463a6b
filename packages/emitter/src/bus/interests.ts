import { BucketSet } from '../wire/bucket-set.js'
import { BUCKETS } from '../wire/buckets.js'

/**
 * The buckets that a node has to subscribe to, by how many local addresses each of them has. A bucket
 * without any is kept for a while, so that rooms which come and go all the time cost nothing. A plain
 * state machine.
 */
export class Interests {
  readonly #lingerMs: number
  readonly #addresses = new Uint32Array(BUCKETS)
  /** When each bucket was last subscribed to. */
  readonly #since = new Float64Array(BUCKETS)
  /** Buckets without an address, with the time at which they go, the next one first. */
  readonly #lingering = new Map<number, number>()
  /** The buckets that are subscribed to. */
  readonly buckets = new BucketSet()

  /** @param lingerMs - how long a bucket is kept that has no address any more */
  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs
  }

  /** There is one more address in a bucket. Returns whether it is to be subscribed to. */
  enter(bucket: number, now: number): boolean {
    this.#addresses[bucket]!++
    this.#lingering.delete(bucket)
    if (this.buckets.has(bucket)) return false
    this.buckets.add(bucket)
    this.#since[bucket] = now
    return true
  }

  /** There is one address less. */
  leave(bucket: number, now: number): void {
    if (this.#addresses[bucket] === 0) return
    this.#addresses[bucket]!--
    if (this.#addresses[bucket] === 0) this.#lingering.set(bucket, now + this.#lingerMs)
  }

  /** When a bucket was subscribed to, if it is. */
  since(bucket: number): number | undefined {
    return this.buckets.has(bucket) ? this.#since[bucket] : undefined
  }

  /** The buckets whose subscription is to end now. */
  expire(now: number): number[] {
    const expired: number[] = []
    for (const [bucket, at] of this.#lingering) {
      if (at > now) break
      this.#lingering.delete(bucket)
      this.buckets.delete(bucket)
      expired.push(bucket)
    }
    return expired
  }

  /** When {@link expire} has something to do next, or `undefined`. */
  nextExpiry(): number | undefined {
    for (const at of this.#lingering.values()) return at
  }
}
