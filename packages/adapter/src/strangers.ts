/** Answers in a second to those who are no members. A new server may ask before it is seen to join. */
const MAX_PER_SECOND = 1_000

/**
 * Bounds what is answered to those who are no members: each answer takes room in the journal, from
 * what members may need to have repaired. A plain state machine.
 */
export class Strangers {
  #second = 0
  #answered = 0

  /** Whether one more may be answered, in milliseconds of any clock. */
  mayBeAnswered(now: number): boolean {
    const second = Math.floor(now / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#answered = 0
    }
    return ++this.#answered <= MAX_PER_SECOND
  }
}
