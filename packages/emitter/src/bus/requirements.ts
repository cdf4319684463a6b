import { EVERYONE } from '../wire/frame.js'

/**
 * What one's own frames require of those said before them, so that order holds between what is said
 * to everyone and what is said to a bucket, though each topic is numbered by itself. A plain state
 * machine.
 */
export class Requirements {
  /** The last frame on each bucket since the last one to everyone. */
  readonly #sinceEveryone = new Map<number, number>()
  #lastToEveryone = 0

  /** Buckets that the next frame to everyone has to name. */
  get size(): number {
    return this.#sinceEveryone.size
  }

  /** For a frame to everyone that is said now. */
  ofEveryone(): number[] | undefined {
    if (this.#sinceEveryone.size === 0) return undefined
    const requires: number[] = []
    for (const [bucket, seq] of this.#sinceEveryone) requires.push(bucket, seq)
    return requires
  }

  /** For a frame on a bucket that is said now. */
  ofBucket(): number[] | undefined {
    return this.#lastToEveryone === 0 ? undefined : [EVERYONE, this.#lastToEveryone]
  }

  saidToEveryone(seq: number): void {
    this.#lastToEveryone = seq
    if (this.#sinceEveryone.size > 0) this.#sinceEveryone.clear()
  }

  saidToBucket(bucket: number, seq: number): void {
    this.#sinceEveryone.set(bucket, seq)
  }
}
