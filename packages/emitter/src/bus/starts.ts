import { Clocks } from './clocks.js'

export interface StartsOptions {
  /** One's own topic, on which every sender's sequence is heard from its beginning. */
  ownTopic: string
  /** The bucket whose topic this is, or `undefined`. */
  bucketOf(topic: string): number | undefined
  /** When a bucket was subscribed to; 0 for one that was always heard. */
  since(bucket: number): number
}

/**
 * Where the sequences of other senders start for us: at 1 if all that a sender has said on a topic was
 * for us, and otherwise behind what it had said by the time that we began to follow the topic. A plain
 * state machine.
 */
export class Starts {
  readonly #options: StartsOptions
  readonly #clocks = new Clocks()
  #readyAt: number | undefined

  constructor(options: StartsOptions) {
    this.#options = options
  }

  /** When everything was heard for the first time that is for everyone. */
  get readyAt(): number | undefined {
    return this.#readyAt
  }

  ready(now: number): void {
    this.#readyAt ??= now
  }

  /** A sender tells its age, as it does with all that it tells of its sequences. */
  heard(uid: string, ageMs: number, now: number): void {
    this.#clocks.heard(uid, ageMs, now)
  }

  /** Whether all that a sender has said on a topic was for us, as far as is known without asking. */
  atOne(uid: string, topic: string, now: number): boolean {
    return topic === this.#options.ownTopic || this.ageToAskAbout(uid, topic, now) === 0
  }

  /**
   * Where the sequence on a topic starts by what its sender tells of it.
   * @param base - its last frame before we followed the topic, if it tells that
   * @returns `undefined` if the sender has to be asked
   */
  ofDigest(
    uid: string,
    topic: string,
    last: number,
    ageMs: number,
    base: number | undefined,
    now: number,
  ): number | undefined {
    if (this.atOne(uid, topic, now)) return 1
    if (this.#options.bucketOf(topic) !== undefined) return base === undefined ? base : base + 1
    const isOlder = ageMs > now - this.#readySince(now)
    return isOlder ? last + 1 : 1
  }

  /**
   * The same by a digest that tells when the last frame was sent: if that was before we followed the
   * topic, nothing on it was for us yet.
   */
  ofBucketDigest(
    uid: string,
    topic: string,
    last: number,
    sentAtAgeMs: number,
    now: number,
  ): number | undefined {
    const followedAtAgeMs = this.ageToAskAbout(uid, topic, now)
    if (followedAtAgeMs === 0) return 1
    const isBefore = followedAtAgeMs !== undefined && sentAtAgeMs < followedAtAgeMs
    return isBefore ? last + 1 : undefined
  }

  /**
   * How old a sender was, at least, when we began to follow the topic of a bucket; `undefined` if its
   * age is not known, or it is no such topic.
   */
  ageToAskAbout(uid: string, topic: string, now: number): number | undefined {
    const bucket = this.#options.bucketOf(topic)
    if (bucket === undefined) return undefined
    const since = Math.max(this.#options.since(bucket), this.#readySince(now))
    return this.#clocks.ageAt(uid, since)
  }

  #readySince(now: number): number {
    return this.#readyAt ?? now
  }
}
