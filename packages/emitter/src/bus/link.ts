/**
 * Whether the way through a broker and back is open. A plain state machine.
 *
 * It is up when one's own subscription has come back through the publisher, and then a probe sent to
 * one's own topic has come back through the subscriber. The probe is needed because the broker hands
 * a publisher all subscriptions in one go, in no particular order: one's own may be read a moment
 * before those of the nodes that one wants to reach.
 */
export class Link {
  #state: 'down' | 'probing' | 'up' = 'down'
  #lastProbe = 0
  /** The first probe sent since the own subscription was seen. */
  #firstProbe = Number.POSITIVE_INFINITY

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** One's own subscription has come back. Returns whether probes are to be sent now. */
  ownTopicAppeared(): boolean {
    if (this.#state !== 'down') return false
    this.#state = 'probing'
    this.#firstProbe = this.#lastProbe + 1
    return true
  }

  /** One's own subscription has gone. Returns whether the link was up. */
  ownTopicVanished(): boolean {
    const wasUp = this.isUp
    this.#state = 'down'
    return wasUp
  }

  /** The number of a probe that is sent now. */
  nextProbe(): number {
    return ++this.#lastProbe
  }

  /** A probe has come back. Returns whether the link is up by it. */
  probeReturned(number: number): boolean {
    if (this.#state !== 'probing' || number < this.#firstProbe) return false
    this.#state = 'up'
    return true
  }
}
