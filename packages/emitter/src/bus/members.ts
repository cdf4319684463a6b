/**
 * Who is in the cluster, told by the subscriptions that come back from the brokers. A plain state
 * machine: events and a clock in, changes out.
 *
 * When a broker dies, the subscriptions of everyone behind it vanish at once, one's own among them
 * but not first. So nobody is dropped at the moment his subscription goes, but after a short settling
 * time; if the link turns out to be down, those members are kept until it has been up again for the
 * grace time.
 */
export class Members {
  /** Each member, with the time at which it is dropped unless it comes back. */
  readonly #dropAt = new Map<string, number>()
  /** Members whose subscription went when the link did. */
  readonly #absent = new Set<string>()
  readonly #graceMs: number
  readonly #settleMs: number
  #linkIsUp = false

  /**
   * @param graceMs - how long members are kept after the link is up again
   * @param settleMs - how long a vanished subscription may turn out to be a lost link
   */
  constructor(graceMs: number, settleMs: number) {
    this.#graceMs = graceMs
    this.#settleMs = settleMs
  }

  get size(): number {
    return this.#dropAt.size
  }

  has(uid: string): boolean {
    return this.#dropAt.has(uid)
  }

  /** Whether a node is a member, and its subscription there. */
  isPresent(uid: string): boolean {
    return this.#dropAt.get(uid) === Number.POSITIVE_INFINITY && !this.#absent.has(uid)
  }

  uids(): IterableIterator<string> {
    return this.#dropAt.keys()
  }

  /** A node's subscription was seen. Returns whether the node is new. */
  appeared(uid: string): boolean {
    const isNew = !this.#dropAt.has(uid)
    this.#dropAt.set(uid, Number.POSITIVE_INFINITY)
    if (!this.#linkIsUp) this.#absent.delete(uid)
    return isNew
  }

  /** A node's subscription has gone. */
  vanished(uid: string, now: number): void {
    if (!this.#dropAt.has(uid)) return
    if (this.#linkIsUp) this.#dropAt.set(uid, now + this.#settleMs)
    else this.#absent.add(uid)
  }

  /**
   * Those whose subscription has gone just now are kept. The others' is still there: it goes in a
   * moment, or stays, if nothing but one's own way back from the broker is cut. In that case it is not
   * told again.
   */
  linkDown(): void {
    this.#linkIsUp = false
    for (const [uid, at] of this.#dropAt) {
      if (at === Number.POSITIVE_INFINITY) continue
      this.#absent.add(uid)
      this.#dropAt.set(uid, Number.POSITIVE_INFINITY)
    }
  }

  linkUp(now: number): void {
    this.#linkIsUp = true
    for (const uid of this.#absent) this.#dropAt.set(uid, now + this.#graceMs)
    this.#absent.clear()
  }

  /** When {@link expire} has something to do next, or `undefined`. */
  nextExpiry(): number | undefined {
    let next = Number.POSITIVE_INFINITY
    for (const at of this.#dropAt.values()) if (at < next) next = at
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /** Drops the members whose time is up, and returns them. */
  expire(now: number): string[] {
    const dropped: string[] = []
    for (const [uid, at] of this.#dropAt) {
      if (at <= now) {
        this.#dropAt.delete(uid)
        dropped.push(uid)
      }
    }
    return dropped
  }
}
