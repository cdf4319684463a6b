import type { Control } from '../wire/control.js'

/**
 * Gathers control messages by whom they are for, and hands them over at the end of the turn: many
 * topics may have something to say to one sender at once, and that goes into one frame.
 */
export class Bundles {
  readonly #handOver: (uid: string, messages: readonly Control[]) => void
  readonly #bundles = new Map<string, Control[]>()

  constructor(handOver: (uid: string, messages: readonly Control[]) => void) {
    this.#handOver = handOver
  }

  add(uid: string, message: Control): void {
    if (this.#bundles.size === 0) queueMicrotask(() => this.#empty())
    const bundle = this.#bundles.get(uid)
    if (bundle === undefined) this.#bundles.set(uid, [message])
    else bundle.push(message)
  }

  #empty(): void {
    for (const [uid, messages] of this.#bundles) this.#handOver(uid, messages)
    this.#bundles.clear()
  }
}
