import { forgetOldest } from './oldest.js'

/** How long what was heard of a clock is preferred to something newer that says less. */
const FRESH_MS = 60_000
/** Of how many senders the clock is known. */
const MAX_CLOCKS = 16_384

/**
 * How old other senders are, told by their digests, so that a sender can be asked about a time in its
 * own terms. A digest takes a while to come, so that senders are never thought older than they are.
 * A plain state machine.
 */
export class Clocks {
  /** For each sender the difference between its age and our time, and when that was heard. */
  readonly #clocks = new Map<string, { offsetMs: number; heardAt: number }>()

  /** A sender tells its age. */
  heard(uid: string, ageMs: number, now: number): void {
    const offsetMs = ageMs - now
    const known = this.#clocks.get(uid)
    // the larger one was on its way for a shorter time
    if (known !== undefined && offsetMs < known.offsetMs && now - known.heardAt < FRESH_MS) return
    if (known === undefined && this.#clocks.size >= MAX_CLOCKS) forgetOldest(this.#clocks)
    this.#clocks.set(uid, { offsetMs, heardAt: now })
  }

  /** How old a sender was at a time, at least; 0 if it was not there; `undefined` if unknown. */
  ageAt(uid: string, time: number): number | undefined {
    const clock = this.#clocks.get(uid)
    return clock && Math.max(0, Math.floor(time + clock.offsetMs))
  }
}
