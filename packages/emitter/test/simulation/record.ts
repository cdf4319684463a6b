import type { Verdict } from '../../src/bus/inbox.js'
import type { SimulatedReceiver } from './receiver.js'
import { EVERYONE, type SimulatedFrame, type SimulatedSender } from './sender.js'
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
  /** The seq that must be delivered next, or counted as lost; unknown until the start is decided. */
  #cursor: number | undefined
  /** Those that were passed over by what was delivered, and must be counted next. */
  #passedOver: number[] = []
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
    if (topic === receiver.ownTopic) this.#cursor = 1
  }

  onFrame(seq: number): void {
    this.#lowest = Math.min(this.#lowest, seq)
    this.#lastKnown = Math.max(this.#lastKnown, seq)
    if (seq === 1) this.#cursor ??= 1
  }

  onDigest(last: number, isOlder: boolean): void {
    this.#lastKnown = Math.max(this.#lastKnown, last)
    this.#noticeStart()
    if (this.#cursor !== undefined) return
    this.#cursor = isOlder ? Math.min(last + 1, this.#lowest) : 1
    this.#checkStart(this.#cursor)
  }

  onDuplicate(seq: number): void {
    this.#noticeStart()
    const isPast = this.#cursor !== undefined && seq < this.#cursor
    check(isPast || this.held.has(seq), `${seq} is taken for a duplicate`)
  }

  onVerdict({ seq, body: { length } }: SimulatedFrame, verdict: Verdict): void {
    const { maxHeldBytes } = this.#world.plan.inbox
    const wouldHold = this.heldBytes + length
    if (verdict === 'held') {
      check(wouldHold <= maxHeldBytes, `${wouldHold} bytes are held`)
      this.held.set(seq, length)
      this.heldBytes = wouldHold
    } else if (verdict === 'dropped') {
      check(wouldHold > maxHeldBytes, `dropped a frame, but holds ${this.heldBytes} bytes`)
    } else {
      check(seq <= this.#lastDelivered || verdict === 'duplicate', `${seq} is not delivered`)
    }
  }

  /** A repair is asked for. Returns whether that is the first time at this time. */
  onNak(from: number, to: number): boolean {
    this.#cursor ??= this.#startUntold()
    check(from >= this.#cursor && from <= to && to <= this.#lastKnown, `a NAK of ${from} to ${to}`)
    const { now } = this.#world.clock
    const isFirst = this.#nakAt !== now
    this.#nakAt = now
    return isFirst
  }

  deliver(frame: SimulatedFrame): void {
    const { seq } = frame
    check(frame.sender === this.sender.uid && frame.topic === this.#topic, 'a frame of another')
    check(seq > this.#lastDelivered, `${seq} is delivered after ${this.#lastDelivered}`)
    this.#lastDelivered = seq
    this.delivered++
    this.heldBytes -= this.held.get(seq) ?? 0
    this.held.delete(seq)
    this.#cursor ??= this.#startUntold()
    check(seq >= this.#cursor, `${seq} is delivered, which was counted as lost`)
    for (; this.#cursor < seq; this.#cursor++) this.#passedOver.push(this.#cursor)
    this.#cursor++
    if (this.#passedOver.length === 0) this.#progress()
  }

  gap(frames: number): void {
    check(frames > 0, `a gap of ${frames} frames`)
    this.gaps += frames
    this.#cursor ??= this.#startUntold()
    for (let i = 0; i < frames; i++) this.#checkLoss(this.#passedOver.shift() ?? this.#cursor++)
    check(this.#passedOver.length === 0, `${this.#passedOver} were passed over without a word`)
    this.#progress()
  }

  /** Checks, when all is over, that everything was delivered or counted. */
  checkAtEnd(): void {
    const { sender, delivered, gaps } = this
    const last = sender.isDead ? this.#lastKnown : sender.lastSent(this.#topic)
    const start = last + 1 - delivered - gaps
    check(this.#passedOver.length === 0, `${this.#passedOver} were passed over without a word`)
    check(
      this.#cursor === last + 1 || mayBeUntold(this.#world, sender, this.#topic),
      `of the frames ${start} to ${last} of ${sender.uid} on ${this.#topic}, receiver ` +
        `${this.#receiver.index} has accounted for those before ${this.#cursor}`,
    )
  }

  /** The time may have been up for hearing where the sequence starts. */
  #noticeStart(): void {
    if (this.#cursor !== undefined || this.#lowest === Number.POSITIVE_INFINITY) return
    const { inbox } = this.#receiver
    const hasBegun = inbox.has(this.sender.uid, this.#topic, this.#lowest - 1)
    if (hasBegun) this.#cursor = this.#startUntold()
  }

  /** Nobody has told where the sequence starts, so that it begins with what has come. */
  #startUntold(): number {
    const { plan, clock } = this.#world
    const waitedMs = clock.now - this.#heardAt
    const { startTimeoutMs } = plan.inbox
    check(waitedMs >= startTimeoutMs || plan.isCrowded, `begins after ${waitedMs} ms`)
    return this.#lowest
  }

  /** Who was ready when a sender joined hears all of it. */
  #checkStart(start: number): void {
    const { readyAt } = this.#receiver
    const wasReady = readyAt !== undefined && readyAt <= this.sender.startedAt
    check(start === 1 || !wasReady, `begins with ${start}, though the sender is younger`)
  }

  #checkLoss(seq: number): void {
    const { plan, clock } = this.#world
    const { sender } = this
    if (sender.isDead || sender.isGone(this.#topic, seq) || plan.isCrowded) return
    check(!plan.isPatient, `${seq} is given up, which its sender still has`)
    const { nakIntervalMs, repairTimeoutMs, unreachableTimeoutMs } = plan.inbox
    const patienceMs = Math.min(repairTimeoutMs, unreachableTimeoutMs)
    const waitedMs = clock.now - this.#progressAt
    check(waitedMs >= patienceMs, `${seq} is given up after ${waitedMs} ms`)
    const upMs = clock.now - this.#receiver.upSince
    check(upMs >= patienceMs, `${seq} is given up ${upMs} ms after the link is up`)
    const reachableSince = this.#receiver.reachableSince(sender.uid)
    if (reachableSince === undefined) return
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
