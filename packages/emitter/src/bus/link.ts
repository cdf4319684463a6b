/**
 * Whether the way through a broker and back is open. A plain state machine.
 *
 * It is up when one's own subscription has come back through the publisher, and then a mark sent to
 * one's own topic has come back through the subscriber. The mark is needed because the broker hands a
 * publisher all subscriptions in one go, in no particular order: one's own may be read a moment
 * before those of the nodes that one wants to reach.
 */
export class Link {
  #state: 'down' | 'probing' | 'up' = 'down'
  /** The first mark sent since the own subscription was seen. */
  #probe = Number.POSITIVE_INFINITY

  get isUp(): boolean {
    return this.#state === 'up'
  }

  get isProbing(): boolean {
    return this.#state === 'probing'
  }

  /** One's own subscription has come back; a mark is to be sent, with this token or a later one. */
  ownTopicAppeared(nextToken: number): void {
    if (this.#state !== 'down') return
    this.#state = 'probing'
    this.#probe = nextToken
  }

  /** One's own subscription has gone. Returns whether the link was up. */
  ownTopicVanished(): boolean {
    const wasUp = this.isUp
    this.#state = 'down'
    return wasUp
  }

  /** A mark has come back. Returns whether the link is up by it. */
  markReturned(token: number): boolean {
    if (this.#state !== 'probing' || token < this.#probe) return false
    this.#state = 'up'
    return true
  }
}
