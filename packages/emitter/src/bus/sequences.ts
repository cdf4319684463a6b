import { forgetOldest } from './oldest.js'

/** How many topics' sequences are remembered, besides those that are never forgotten. */
const MAX_SEQUENCES = 65_536

/** The last frame of a topic that has gone out. */
export interface Passed {
  seq: number
  /** When that was. */
  at: number
}

/**
 * The numbers of one's own frames on each topic: of the last one begun, and of the last one that has
 * gone out. A plain state machine.
 */
export class Sequences {
  /** Whether a topic is never forgotten. */
  readonly isSteady: (topic: string) => boolean
  readonly #begun = new Map<string, number>()
  readonly #steady = new Map<string, number>()
  readonly #passed = new Map<string, Passed>()

  /**
   * @param isSteady - tells the topics, of a bounded number, on which others follow us as long as we
   *   live: if one of them were forgotten, it would begin again at 1
   */
  constructor(isSteady: (topic: string) => boolean) {
    this.isSteady = isSteady
  }

  /** The number of a frame that begins. */
  next(topic: string): number {
    const seq = this.last(topic) + 1
    if (this.#steady.has(topic) || this.isSteady(topic)) {
      this.#steady.set(topic, seq)
      return seq
    }
    // to the end of the map's order, so that the topic unused for longest is forgotten
    this.#begun.delete(topic)
    this.#begun.set(topic, seq)
    if (this.#begun.size <= MAX_SEQUENCES) return seq
    this.#passed.delete(forgetOldest(this.#begun) as string)
    return seq
  }

  /** The last frame that was begun is not to be. */
  takeBack(topic: string): void {
    const map = this.#steady.has(topic) ? this.#steady : this.#begun
    map.set(topic, (map.get(topic) as number) - 1)
  }

  /** The number of the last frame begun, 0 if none was. */
  last(topic: string): number {
    return this.#steady.get(topic) ?? this.#begun.get(topic) ?? 0
  }

  /** A frame has been sent, or given up, as have all before it. */
  pass(topic: string, seq: number, now: number): void {
    // one that was forgotten meanwhile stays so
    if (seq <= this.lastPassed(topic) || seq > this.last(topic)) return
    this.#passed.set(topic, { seq, at: now })
  }

  /** The number of the last frame that was sent or given up, 0 if none was. */
  lastPassed(topic: string): number {
    return this.#passed.get(topic)?.seq ?? 0
  }

  /** The last frame that was sent or given up, and when. */
  passed(topic: string): Passed | undefined {
    return this.#passed.get(topic)
  }

  /** The topics that are never forgotten, as far as something has been said on them. */
  steadyTopics(): IterableIterator<string> {
    return this.#steady.keys()
  }
}

/** Gives no numbers: every frame stands outside of all sequences, and is neither kept nor put in order. */
export class NoSequences extends Sequences {
  override next(): number {
    return 0
  }

  override takeBack(): void {}
}
