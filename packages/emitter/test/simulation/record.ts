import type { Verdict } from '../../src/bus/inbox.js'
import type { SimulatedReceiver } from './receiver.js'
import { bucketOfTopic, EVERYONE, type SimulatedFrame, type SimulatedSender } from './sender.js'
import { check, type World } from './world.js'

/**
 * What a receiver got of a sender on a topic, and what it had a right to: written down beside the
 * inbox, and checked against the guarantees.
 */
export class Record {
  readonly sender: SimulatedSender
  readonly #world: World
  readonly #receiver: SimulatedReceiver
  readonly #topic: string
  readonly #heardAt: number
  /** The lowest seq that has come. */
  #lowest = Number.POSITIVE_INFINITY
  /** The highest seq that the receiver can know of. */
  #lastKnown = 0
  #lastDelivered = 0
  /** The index of the frame before the one with which it starts. */
  startedAfter = -1
  /** The seq that must be delivered next, or counted as lost; unknown until the start is decided. */
  #cursor: number | undefined
  /** What was delivered, and how many counted as lost, since the last time that accounts were settled. */
  #deliveredNow: number[] = []
  #gapsNow = 0
  /** Frames for which there was no room. */
  readonly #dropped = new Set<number>()
  /** When something was last delivered or counted. */
  #progressAt: number
  #awakeAt: number
  /** What is held back: the bytes of each seq. */
  readonly held = new Map<number, number>()
  heldBytes = 0
  delivered = 0
  gaps = 0
  /** When a repair was last asked for. */
  #nakAt = Number.NEGATIVE_INFINITY

  constructor(world: World, receiver: SimulatedReceiver, sender: SimulatedSender, topic: string) {
    this.#world = world
    this.#receiver = receiver
    this.sender = sender
    this.#topic = topic
    this.#heardAt = world.clock.now
    this.#progressAt = world.clock.now
    this.#awakeAt = receiver.awakeMs
  }

  get isOfBucket(): boolean {
    return bucketOfTopic(this.#topic) !== undefined
  }

  /** All that the sender has said was for the receiver. */
  startsAt(seq: number): void {
    this.#cursor ??= seq
  }

  /** The receiver has heard that a frame was sent. */
  learn(seq: number): void {
    this.#lastKnown = Math.max(this.#lastKnown, seq)
  }

  onFrame(seq: number): void {
    this.#lowest = Math.min(this.#lowest, seq)
    this.#lastKnown = Math.max(this.#lastKnown, seq)
    if (seq === 1) this.#cursor ??= 1
  }

  onDigest(last: number, start: number | undefined): void {
    this.learn(last)
    if (this.#cursor !== undefined || start === undefined) return
    this.#setStart(Math.min(start, this.#lowest))
    this.#checkStart(this.#cursor!)
  }

  onDuplicate(seq: number): void {
    const isPast = this.#cursor !== undefined && seq < this.#cursor
    const isKnown = isPast || this.held.has(seq) || this.#dropped.has(seq)
    check(isKnown, `${seq} is taken for a duplicate`)
  }

  onVerdict({ seq, body: { length } }: SimulatedFrame, verdict: Verdict): void {
    const { maxHeldBytes } = this.#world.plan.inbox
    const holds = this.#receiver.heldBytesOf(this.sender.uid)
    if (verdict === 'held') {
      check(holds + length <= maxHeldBytes, `${holds + length} bytes are held`)
      this.held.set(seq, length)
      this.heldBytes += length
    } else if (verdict === 'dropped') {
      check(holds + length > maxHeldBytes, `dropped a frame, but holds ${holds} bytes`)
      this.#dropped.add(seq)
    } else {
      const isPast = seq <= this.#lastDelivered || this.#isFromBefore(seq)
      check(isPast || verdict === 'duplicate', `${seq} is not delivered`)
    }
  }

  /** A repair is asked for. Returns whether that is the first time at this time. */
  onNak(from: number, to: number): boolean {
    // what was held back may have required it, and nobody looked while the topic was not followed
    const most = this.isOfBucket ? this.sender.lastSaid(this.#topic) : this.#lastKnown
    check(from >= (this.#cursor ?? 1) && from <= to && to <= most, `a NAK of ${from} to ${to}`)
    this.learn(to)
    const { now } = this.#world.clock
    const isFirst = this.#nakAt !== now
    this.#nakAt = now
    return isFirst
  }

  deliver(frame: SimulatedFrame): void {
    const { seq } = frame
    check(frame.sender === this.sender.uid && frame.topic === this.#topic, 'a frame of another')
    check(seq > this.#lastDelivered, `${seq} is delivered after ${this.#lastDelivered}`)
    check(seq >= (this.#cursor ?? 1), `${seq} is delivered, which was counted as lost`)
    this.#lastDelivered = seq
    this.delivered++
    this.#deliveredNow.push(seq)
    this.#release(seq)
  }

  gap(frames: number): void {
    check(frames > 0, `a gap of ${frames} frames`)
    this.gaps += frames
    this.#gapsNow += frames
  }

  /** Checks that all that the receiver is past was delivered, or counted as lost, or from before. */
  settle(): void {
    const next = this.#receiver.inbox.next(this.sender.uid, this.#topic)
    const delivered = this.#deliveredNow
    if (next === 0) return check(delivered.length + this.#gapsNow === 0, 'no start, but frames')
    if (this.#cursor === undefined) this.#setStart(this.#startUntold(next))
    const cursor = this.#cursor!
    check(cursor <= next, `goes back from ${cursor} to ${next}`)
    const missing: number[] = []
    for (let seq = cursor; seq < next; seq++) if (!delivered.includes(seq)) missing.push(seq)
    this.#cursor = next
    const lost = missing.filter((seq) => !this.#isFromBefore(seq))
    const isTold = this.#gapsNow >= lost.length && this.#gapsNow <= missing.length
    check(isTold, `${missing} are missing and ${this.#gapsNow} frames are told as lost`)
    for (const seq of lost) this.#checkLoss(seq)
    for (const seq of this.held.keys()) if (seq < next) this.#release(seq)
    if (delivered.length + missing.length > 0) this.#progress()
    this.#deliveredNow = []
    this.#gapsNow = 0
  }

  #setStart(seq: number): void {
    this.#cursor = seq
    if (seq > 1) this.startedAfter = this.sender.frame(this.#topic, seq - 1).index
  }

  #release(seq: number): void {
    this.heldBytes -= this.held.get(seq) ?? 0
    this.held.delete(seq)
  }

  /** Whether a frame was said before one that had come when the topic was followed. */
  #isFromBefore(seq: number): boolean {
    const { sender } = this
    return sender.frame(this.#topic, seq).index < this.#receiver.followedAfter(sender, this.#topic)
  }

  /** Checks, when all is over, that everything was delivered or counted. */
  checkAtEnd(): void {
    const { sender, delivered, gaps } = this
    const last = sender.isDead ? this.#lastKnown : sender.lastSent(this.#topic)
    const start = last + 1 - delivered - gaps
    const next = this.#cursor ?? 1
    // of what the dead have said it may have learned by what waited behind something else
    const isAll = sender.isDead ? next > last : next === last + 1
    check(
      isAll || mayBeUntold(this.#world, sender, this.#topic),
      `of the frames ${start} to ${last} of ${sender.uid} on ${this.#topic}, receiver ` +
        `${this.#receiver.index} has accounted for those before ${this.#cursor}`,
    )
  }

  /** Nobody has told where the sequence starts, so that it begins with what is known. */
  #startUntold(next: number): number {
    const { plan, clock } = this.#world
    const waitedMs = clock.now - this.#heardAt
    const { startTimeoutMs } = plan.inbox
    const isAway = this.#receiver.reachableSince(this.sender.uid) === undefined
    const mayBegin = waitedMs >= startTimeoutMs || isAway || plan.isCrowded
    check(mayBegin, `begins after ${waitedMs} ms`)
    return Math.min(this.#lowest, next - this.#deliveredNow.length - this.#gapsNow)
  }

  /** Who was ready when a sender joined hears all of it, and of a bucket all since it is followed. */
  #checkStart(start: number): void {
    if (this.isOfBucket) return this.#checkBucketStart(start)
    const { readyAt } = this.#receiver
    const wasReady = readyAt !== undefined && readyAt <= this.sender.startedAt
    check(start === 1 || !wasReady, `begins with ${start}, though the sender is younger`)
  }

  #checkBucketStart(start: number): void {
    const { sender } = this
    const hearsFrom = this.#receiver.hearsFrom(this.#topic)
    for (let seq = start - 1; seq > 0 && !sender.isGone(this.#topic, seq); seq--) {
      const sentAt = sender.sentAt(this.#topic, seq)
      const isFromBefore = sentAt === undefined || sentAt < hearsFrom || this.#isFromBefore(seq)
      check(isFromBefore, `begins with ${start}, but ${seq} was sent after it began to follow`)
    }
  }

  #checkLoss(seq: number): void {
    const { plan, clock } = this.#world
    const { sender } = this
    if (sender.isDead || sender.isGone(this.#topic, seq) || plan.isCrowded) return
    check(!plan.isPatient, `${seq} is given up, which its sender still has`)
    const { nakIntervalMs, repairTimeoutMs, unreachableTimeoutMs } = plan.inbox
    const patienceMs = Math.min(repairTimeoutMs, unreachableTimeoutMs)
    const upMs = clock.now - this.#receiver.upSince
    check(upMs >= patienceMs, `${seq} is given up ${upMs} ms after the link is up`)
    const reachableSince = this.#receiver.reachableSince(sender.uid)
    if (reachableSince === undefined) {
      const awayMs = clock.now - this.#receiver.awaySince(sender.uid)
      check(awayMs >= patienceMs, `${seq} is given up ${awayMs} ms after its sender has left`)
      return
    }
    const waitedMs = clock.now - this.#progressAt
    check(waitedMs >= patienceMs, `${seq} is given up after ${waitedMs} ms`)
    const reachableMs = clock.now - reachableSince
    check(reachableMs >= repairTimeoutMs, `${seq} is given up ${reachableMs} ms after return`)
    // while it was frozen its time did not run, but for the pause before it would have asked again
    const awakeMs = this.#receiver.awakeMs - this.#awakeAt
    const leastMs = (repairTimeoutMs - nakIntervalMs) / 2
    check(awakeMs >= leastMs, `${seq} is given up after ${awakeMs} ms awake`)
  }

  #progress(): void {
    this.#progressAt = this.#world.clock.now
    this.#awakeAt = this.#receiver.awakeMs
  }
}

/**
 * Whether the last frames on a topic may have been lost without a word until the next one comes: they
 * were not for everyone, and when the sender was back it did not keep them any more.
 */
export function mayBeUntold({ plan }: World, sender: SimulatedSender, topic: string): boolean {
  const isTold = plan.ending !== 'senders reconnect' || topic === EVERYONE
  return !isTold && sender.isGone(topic, sender.lastSent(topic))
}
