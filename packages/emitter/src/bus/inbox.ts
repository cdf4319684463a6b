/** What to do with a received frame. */
export type Verdict = 'deliver' | 'duplicate'

/**
 * Sees to it that each sender's frames on a topic are delivered once and in order, by their seq: a
 * seq at or below the last one had is a duplicate (which is what several brokers make), one beyond
 * the next means that frames were lost. A plain state machine.
 */
export class Inbox {
  /** Last seq had, by topic, by sender; the sender heard longest ago comes first. */
  readonly #senders = new Map<string, Map<string, number>>()
  readonly #maxSenders: number
  #lost = 0

  /** @param maxSenders - how many senders are remembered; beyond it the stalest is forgotten */
  constructor(maxSenders: number) {
    this.#maxSenders = maxSenders
  }

  /** How many frames are known to have been lost. */
  get lost(): number {
    return this.#lost
  }

  get senders(): number {
    return this.#senders.size
  }

  /** Takes note of a frame that has come. The first of a sender on a topic is where it starts. */
  receive(sender: string, topic: string, seq: number): Verdict {
    const last = this.#topicsOf(sender)
    const previous = last.get(topic)
    if (previous !== undefined) {
      if (seq <= previous) return 'duplicate'
      this.#lost += seq - previous - 1
    }
    last.set(topic, seq)
    return 'deliver'
  }

  #topicsOf(sender: string): Map<string, number> {
    let topics = this.#senders.get(sender)
    if (topics !== undefined) {
      // to the end of the map's order
      this.#senders.delete(sender)
    } else {
      topics = new Map()
      if (this.#senders.size >= this.#maxSenders) {
        const [stalest] = this.#senders.keys()
        this.#senders.delete(stalest as string)
      }
    }
    this.#senders.set(sender, topics)
    return topics
  }
}
