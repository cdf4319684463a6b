import type { Milestone } from '../messages.js'

/** How far each sender had come by its last milestone that has arrived here. */
export class Progress {
  readonly #tell: (milestone: Milestone) => void
  readonly #counts = new Map<number, number>()
  #waiters: (() => void)[] = []

  /** @param tell - passes each milestone on to the benchmark's own process */
  constructor(tell: (milestone: Milestone) => void) {
    this.#tell = tell
  }

  note(milestone: Milestone): void {
    const { node, count } = milestone
    this.#counts.set(node, Math.max(count, this.#counts.get(node) ?? 0))
    this.#tell(milestone)
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  begin(): void {
    this.#counts.clear()
  }

  /** Messages that had been sent, by all senders together. */
  get total(): number {
    let total = 0
    for (const count of this.#counts.values()) total += count
    return total
  }

  /** The senders that have been heard. */
  get senders(): number {
    return this.#counts.size
  }

  /** Resolves when the next milestone has come. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve))
  }
}
