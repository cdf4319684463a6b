import type { BucketSet } from '../wire/bucket-set.js'
import { BUCKETS } from '../wire/buckets.js'
import { forgetOldest } from './oldest.js'

/** For how many nodes that are no members yet it is remembered what they have told. */
const MAX_EARLY = 256

/**
 * What the other nodes have told of the buckets that they subscribe to. Who has told nothing is taken
 * to be interested in everything. It serves to choose the cheaper way, and never decides who gets
 * something. A plain state machine.
 */
export class Audience {
  /** The members, with the buckets of those that have told them. */
  readonly #members = new Map<string, BucketSet | undefined>()
  /** What was told by nodes that have not been seen to join, as that may come first. */
  readonly #early = new Map<string, BucketSet>()
  readonly #counts = new Uint32Array(BUCKETS)
  #told = 0

  /** Members that have told their buckets. */
  get told(): number {
    return this.#told
  }

  get members(): number {
    return this.#members.size
  }

  /** How many members may be interested in a bucket. */
  interested(bucket: number): number {
    return this.#members.size - this.#told + this.#counts[bucket]!
  }

  joined(uid: string): void {
    if (this.#members.has(uid)) return
    this.#members.set(uid, undefined)
    const early = this.#early.get(uid)
    this.#early.delete(uid)
    if (early !== undefined) this.tell(uid, early)
  }

  left(uid: string): void {
    this.#take(this.#members.get(uid))
    this.#members.delete(uid)
    this.#early.delete(uid)
  }

  /** A node has told which buckets it subscribes to. */
  tell(uid: string, buckets: BucketSet): void {
    if (!this.#members.has(uid)) return this.#tellEarly(uid, buckets)
    this.#take(this.#members.get(uid))
    this.#members.set(uid, buckets)
    this.#told++
    for (const bucket of buckets) this.#counts[bucket]!++
  }

  #take(buckets: BucketSet | undefined): void {
    if (buckets === undefined) return
    this.#told--
    for (const bucket of buckets) this.#counts[bucket]!--
  }

  #tellEarly(uid: string, buckets: BucketSet): void {
    this.#early.delete(uid)
    this.#early.set(uid, buckets)
    if (this.#early.size > MAX_EARLY) forgetOldest(this.#early)
  }
}
