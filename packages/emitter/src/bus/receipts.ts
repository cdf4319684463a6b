/** Somebody who waits for a receipt. */
export interface Waiter {
  /** The receipt's number; grows if that is lost. */
  number: number
  resolve(): void
}

/**
 * Which subscriptions are in force at a broker. They reach it in the order in which they were made, so
 * that one made after them, to a topic of no other use, is their receipt: when it comes back through
 * the publisher, all before it are in force. A plain state machine.
 */
export class Receipts {
  /** The number of the receipt that stands behind each bucket which is not known to be in force. */
  readonly #pending = new Map<number, number>()
  /** Those of them behind which no receipt stands yet. */
  readonly #uncovered = new Set<number>()
  #lastIssued = 0
  /** Those issued that have not come back. */
  readonly #issued = new Set<number>()
  readonly #waiters = new Set<Waiter>()

  /** A bucket was subscribed to; the next receipt will stand behind it. */
  subscribed(bucket: number): void {
    this.#pending.set(bucket, this.#lastIssued + 1)
    this.#uncovered.add(bucket)
  }

  /** A bucket's subscription has ended. */
  unsubscribed(bucket: number): void {
    this.#pending.delete(bucket)
    this.#uncovered.delete(bucket)
  }

  /** The receipt with which the last of these buckets will be in force; 0 if all of them are. */
  behind(buckets: Iterable<number>): number {
    let number = 0
    for (const bucket of buckets) number = Math.max(number, this.#pending.get(bucket) ?? 0)
    return number
  }

  /** The receipt with which all buckets will be in force; 0 if they are. */
  behindAll(): number {
    return this.behind(this.#pending.keys())
  }

  /** Whether there is something behind which no receipt stands yet. */
  get isDue(): boolean {
    return this.#uncovered.size > 0
  }

  /** The number of a receipt that is subscribed to now. */
  issue(): number {
    this.#lastIssued++
    this.#uncovered.clear()
    this.#issued.add(this.#lastIssued)
    return this.#lastIssued
  }

  /** Lets somebody wait until a receipt has come back, or {@link lost} another in its place. */
  wait(waiter: Waiter): void {
    this.#waiters.add(waiter)
  }

  cancel(waiter: Waiter): void {
    this.#waiters.delete(waiter)
  }

  /** A receipt has come back. Returns the receipts that are not needed any more. */
  returned(number: number): number[] {
    if (!this.#issued.has(number)) return []
    for (const [bucket, behind] of this.#pending) {
      if (behind <= number) this.#pending.delete(bucket)
    }
    for (const waiter of this.#waiters) {
      if (waiter.number > number) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
    const spent = [...this.#issued].filter((issued) => issued <= number)
    for (const issued of spent) this.#issued.delete(issued)
    return spent
  }

  /**
   * The link is down, and with it the receipts under way: after it is up again the subscriptions come
   * to the broker in no particular order. Another receipt has to stand behind them. Returns those that
   * are not needed any more.
   */
  lost(): number[] {
    const next = this.#lastIssued + 1
    for (const bucket of this.#pending.keys()) {
      this.#pending.set(bucket, next)
      this.#uncovered.add(bucket)
    }
    for (const waiter of this.#waiters) waiter.number = next
    const spent = [...this.#issued]
    this.#issued.clear()
    return spent
  }

  /** Nobody is to wait any longer. */
  releaseAll(): void {
    for (const { resolve } of this.#waiters) resolve()
    this.#waiters.clear()
  }
}
