import { forgetOldest } from './oldest.js'
import { NEVER, type Sender, type Stream, UNKNOWN } from './stream.js'

/** For each sender that is remembered, of how many forgotten ones it is known where they stood. */
const POSITIONS_PER_SENDER = 4

/** Where a forgotten sender stood on a topic. */
interface Position extends Pick<Stream<unknown>, 'next' | 'heard'> {
  /** How often the topic had been left by then. */
  leaves: number
}

/**
 * The senders that an inbox knows, a bounded number, those that have left, and where those stood that
 * it has forgotten. A plain state machine.
 */
export class Senders<Frame> {
  readonly #forgetMs: number
  readonly #max: number
  readonly #known = new Map<string, Sender<Frame>>()
  /** Senders that have left, in the order in which they are to be forgotten. */
  readonly #leaving = new Set<Sender<Frame>>()
  /** Where those stood that were forgotten, by topic, since they may come back. */
  readonly #positions = new Map<string, ReadonlyMap<string, Position>>()
  /** How often topics have been left. */
  readonly #leaves = new Map<string, number>()

  /**
   * @param forgetMs - after which a sender that has left is to be forgotten
   * @param max - how many are known
   */
  constructor(forgetMs: number, max: number) {
    this.#forgetMs = forgetMs
    this.#max = max
  }

  get size(): number {
    return this.#known.size
  }

  [Symbol.iterator](): IterableIterator<Sender<Frame>> {
    return this.#known.values()
  }

  find(uid: string): Sender<Frame> | undefined {
    return this.#known.get(uid)
  }

  /** The one that has to be forgotten before another is known: one that has left, if there is one. */
  get excess(): Sender<Frame> | undefined {
    if (this.#known.size < this.#max) return undefined
    const [stalest] = this.#leaving.size > 0 ? this.#leaving : this.#known.values()
    return stalest
  }

  add(uid: string, isReachable: boolean, now: number): Sender<Frame> {
    const sender: Sender<Frame> = {
      uid,
      streams: new Map(),
      floors: new Map(),
      start: UNKNOWN,
      everyone: undefined,
      heldBytes: 0,
      isReachable,
      forgetAt: NEVER,
    }
    this.#known.set(uid, sender)
    if (!isReachable) this.forgetLater(sender, now)
    return sender
  }

  /** Keeps no more of a sender than where it stood. */
  forget(sender: Sender<Frame>): void {
    const positions = new Map<string, Position>()
    for (const { topic, next, heard } of sender.streams.values()) {
      if (next !== UNKNOWN) positions.set(topic, { next, heard, leaves: this.#leavesOf(topic) })
    }
    this.#known.delete(sender.uid)
    this.#leaving.delete(sender)
    this.#positions.set(sender.uid, positions)
    const maxPositions = this.#max * POSITIONS_PER_SENDER
    if (this.#positions.size > maxPositions) forgetOldest(this.#positions)
  }

  /** Where a forgotten sender stood on a topic, if that has been followed ever since. */
  position(uid: string, topic: string): Position | undefined {
    const position = this.#positions.get(uid)?.get(topic)
    return position?.leaves === this.#leavesOf(topic) ? position : undefined
  }

  /** The same on all topics; it is told once. */
  takePositions(uid: string): [topic: string, position: Position][] {
    const positions = [...(this.#positions.get(uid) ?? [])]
    this.#positions.delete(uid)
    return positions.filter(([topic, { leaves }]) => leaves === this.#leavesOf(topic))
  }

  /** A topic is not followed any more: where anybody stood on it says nothing from now on. */
  topicLeft(topic: string): void {
    this.#leaves.set(topic, this.#leavesOf(topic) + 1)
  }

  /** A sender has left, or is needed for longer. */
  forgetLater(sender: Sender<Frame>, now: number): void {
    sender.forgetAt = now + this.#forgetMs
    this.#leaving.delete(sender) // to its end
    this.#leaving.add(sender)
  }

  /** A sender is back. */
  keep(sender: Sender<Frame>): void {
    sender.forgetAt = NEVER
    this.#leaving.delete(sender)
  }

  /** Gives those that have left the whole time again. */
  restartClocks(now: number): void {
    for (const sender of this.#leaving) sender.forgetAt = now + this.#forgetMs
  }

  /** When the next one is to be forgotten, or NEVER. */
  get nextForget(): number {
    for (const { forgetAt } of this.#leaving) return forgetAt
    return NEVER
  }

  /** Those that are to be forgotten by now. */
  *due(now: number): IterableIterator<Sender<Frame>> {
    for (const sender of this.#leaving) {
      if (sender.forgetAt > now) return
      yield sender
    }
  }

  #leavesOf(topic: string): number {
    return this.#leaves.get(topic) ?? 0
  }
}
