interface Waiter {
  token: number
  /** How many messages had been said. */
  said: number
  resolve(): void
}

/**
 * Keeps account of the marks that are sent to one's own topic: when one comes back, all that was said
 * before it has passed the broker. A plain state machine.
 */
export class Marks {
  #lastToken = 0
  #said = 0
  #confirmed = 0
  #waiters: Waiter[] = []

  /** Messages that are not known to have passed a broker. */
  get unconfirmed(): number {
    return this.#said - this.#confirmed
  }

  /** The token of the last mark that somebody waits for, or `undefined`. */
  get awaited(): number | undefined {
    return this.#waiters.at(-1)?.token
  }

  /** A message was said. */
  messageSaid(): void {
    this.#said++
  }

  nextToken(): number {
    return ++this.#lastToken
  }

  /** Resolves when a mark has come back that is said after this call. */
  wait(token: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ token, said: this.#said, resolve })
    })
  }

  /** A mark has come back. */
  returned(token: number): void {
    for (;;) {
      const first = this.#waiters[0]
      if (first === undefined || first.token > token) return
      this.#waiters.shift()
      this.#confirmed = Math.max(this.#confirmed, first.said)
      first.resolve()
    }
  }
}
