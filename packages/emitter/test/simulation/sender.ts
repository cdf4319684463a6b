import { DigestSchedule } from '../../src/bus/digests.js'
import { type Frame, Journal } from '../../src/bus/journal.js'
import { PATIENT_MS, type SenderPlan } from './plan.js'
import { Process } from './process.js'
import type { SimulatedReceiver } from './receiver.js'
import { check, type World } from './world.js'

export const EVERYONE = '*'

/** A frame that knows who said it. */
export interface SimulatedFrame extends Frame {
  readonly sender: string
}

/** Where a sender's sequences stand. */
export interface Digest {
  topics: { topic: string; last: number }[]
  ageMs: number
}

/** As in src/bus/repairs.ts. */
const DIGEST_DELAYS_MS = [300, 3_000, 12_000] as const
const ASKED_INTERVAL_MS = 50
/** As in src/bus/outgoing.ts. */
const BACK_OFF_MS = 2
/** How likely ZeroMQ's queue to the broker is full. */
const FULL_QUEUE = 0.05

const BODIES = Array.from({ length: 101 }, (_, bytes) => Buffer.alloc(bytes))

/** What Outgoing and Repairs do, on a virtual clock and a simulated network, with their own parts. */
export class SimulatedSender extends Process {
  readonly uid: string
  readonly startedAt: number
  readonly #world: World
  readonly #plan: SenderPlan
  readonly #journal: Journal
  readonly #schedule = new DigestSchedule(DIGEST_DELAYS_MS)
  readonly #seqs = new Map<string, number>()
  readonly #sentSeqs = new Map<string, number>()
  #isSending = false
  #alarmAt = Number.POSITIVE_INFINITY
  readonly #askers = new Set<string>()
  #answerIsDue = false
  #answeredAt = Number.NEGATIVE_INFINITY
  #said = 0
  #sent = 0
  #overflown = 0
  framesRepaired = 0

  constructor(world: World, index: number, plan: SenderPlan) {
    super(index)
    this.#world = world
    this.#plan = plan
    this.#journal = new Journal(plan.journal)
    this.uid = `sender ${index}`
    this.startedAt = world.clock.now
  }

  get overflown(): number {
    return this.#overflown
  }

  /** The topics on which it has said something. */
  topics(): string[] {
    return [...this.#seqs.keys()]
  }

  lastSent(topic: string): number {
    return this.#sentSeqs.get(topic) ?? 0
  }

  /** Whether a frame that was sent, or given up before, is not kept any more. */
  isGone(topic: string, seq: number): boolean {
    return !this.#keepsAll && this.#journal.find(topic, seq, seq, 1).goneTo === seq
  }

  get #keepsAll(): boolean {
    const { maxBytes, maxAgeMs } = this.#plan.journal
    return maxBytes === Number.MAX_SAFE_INTEGER && maxAgeMs === PATIENT_MS
  }

  /** Somebody looks at its stats. */
  look(): void {
    const { now } = this.#world.clock
    this.#journal.expire(now)
    check((this.#journal.nextExpiry() ?? now) >= now, 'frames that are kept beyond their age')
    this.#checkJournal()
  }

  say(topic: string, bytes: number): void {
    const { clock, log } = this.#world
    const seq = (this.#seqs.get(topic) ?? 0) + 1
    this.#seqs.set(topic, seq)
    const frame: SimulatedFrame = {
      sender: this.uid,
      topic,
      seq,
      body: BODIES[bytes]!,
      messages: 1,
    }
    this.#said++
    const overflow = this.#journal.append(frame, clock.now)
    if (overflow !== undefined) {
      check(overflow.frames > 0 && overflow.messages === overflow.frames, 'an empty overflow')
      this.#overflown += overflow.frames
      log?.(`${this.uid} gives up ${overflow.frames} frames before they are sent`)
    }
    this.#checkJournal()
    this.#send()
  }

  linkUp(): void {
    if (this.isDead || this.isUp) return
    this.isUp = true
    this.isAttached = true
    this.#world.log?.(`${this.uid} link up`)
    this.#noticed()
    this.#sayDigests(new Set([EVERYONE, ...this.#journal.topics()]))
    this.#send()
  }

  linkDown(): void {
    if (!this.isUp) return
    this.isUp = false
    this.isAttached = false
    this.#world.log?.(`${this.uid} link down`)
    this.#noticed()
  }

  override die(): void {
    super.die()
    this.#world.log?.(`${this.uid} dies`)
    this.#noticed()
  }

  onNak(receiver: SimulatedReceiver, topic: string, from: number, askedTo: number): void {
    check(askedTo <= (this.#seqs.get(topic) ?? 0), `a NAK up to ${askedTo}, which was never sent`)
    const to = Math.min(askedTo, this.lastSent(topic))
    if (to < from || !this.isUp) return
    const { frames, goneTo } = this.#journal.find(topic, from, to, this.#plan.maxRepairBytes)
    check(goneTo >= from - 1 && goneTo <= to, `gone to ${goneTo} of ${from} to ${to}`)
    check(!this.#keepsAll || goneTo < from, `gone to ${goneTo}, though everything is kept`)
    frames.forEach((frame, i) => {
      check(frame.topic === topic && frame.seq === goneTo + 1 + i, 'a journal out of order')
    })
    const { network, log } = this.#world
    log?.(`${this.uid} repairs ${topic} ${from}-${to}: gone to ${goneTo}, ${frames.length} again`)
    if (goneTo >= from) {
      network.send(this, receiver, 'control', () => receiver.onGone(this, topic, from, goneTo))
    }
    for (const frame of frames as SimulatedFrame[]) {
      network.send(this, receiver, 'control', () => receiver.onFrame(this, topic, frame))
    }
    this.framesRepaired += frames.length
  }

  onAsk(receiver: SimulatedReceiver): void {
    this.#askers.add(receiver.ownTopic)
    if (this.#answerIsDue) return
    this.#answerIsDue = true
    this.#world.clock.at(this.#answeredAt + ASKED_INTERVAL_MS, () =>
      this.handle(() => this.#answer()),
    )
  }

  /** Answers all who have asked. */
  #answer(): void {
    this.#answerIsDue = false
    this.#answeredAt = this.#world.clock.now
    this.#sayDigests([EVERYONE, ...this.#askers])
    this.#askers.clear()
  }

  #send(): void {
    const { clock, random } = this.#world
    const { maxSendMs } = this.#plan
    while (this.isUp && !this.#isSending) {
      const frame = this.#journal.next() as SimulatedFrame | undefined
      if (frame === undefined) return
      if (maxSendMs === 0) {
        this.#transmit(frame)
        this.#onSent(frame)
        continue
      }
      this.#isSending = true
      const isDone = !random.chance(FULL_QUEUE)
      if (isDone) this.#transmit(frame)
      clock.after(isDone ? random.int(0, maxSendMs) : BACK_OFF_MS, () =>
        this.handle(() => {
          this.#isSending = false
          if (isDone) this.#onSent(frame)
          this.#send()
        }),
      )
    }
  }

  checkAtEnd(): void {
    this.#checkJournal()
    check(this.#journal.next() === undefined, `${this.uid} has something to send for ever`)
  }

  #transmit(frame: SimulatedFrame): void {
    const { network, receivers, log } = this.#world
    log?.(`${this.uid} sends ${frame.topic} ${frame.seq}`)
    for (const receiver of receivers) {
      if (!receiver.hears(frame.topic)) continue
      network.send(this, receiver, 'data', () => receiver.onFrame(this, frame.topic, frame))
    }
  }

  #onSent(frame: SimulatedFrame): void {
    const { clock } = this.#world
    // it may have been given up in the middle of being sent
    if (this.#journal.next() !== frame) this.#overflown--
    this.#journal.markSent(frame, clock.now)
    this.#sent++
    this.#checkJournal()
    this.#sentSeqs.set(frame.topic, frame.seq)
    this.#schedule.sent(frame.topic, clock.now)
    this.#setAlarm()
  }

  #setAlarm(): void {
    const at = this.#schedule.nextDue() ?? Number.POSITIVE_INFINITY
    if (at === this.#alarmAt) return
    this.#alarmAt = at
    if (at === Number.POSITIVE_INFINITY) return
    const { clock } = this.#world
    clock.at(at, () =>
      this.handle(() => {
        if (this.#alarmAt !== at) return
        this.#alarmAt = Number.POSITIVE_INFINITY
        this.#sayDigests(this.#schedule.due(clock.now))
        const next = this.#schedule.nextDue()
        check(next === undefined || next > clock.now, 'a digest that stays due')
        this.#setAlarm()
      }),
    )
  }

  #sayDigests(topics: Iterable<string>): void {
    if (!this.isUp) return
    const { clock, network, receivers, log } = this.#world
    const digest: Digest = {
      topics: Array.from(topics, (topic) => ({ topic, last: this.lastSent(topic) })),
      ageMs: Math.floor(clock.now - this.startedAt),
    }
    log?.(`${this.uid} stands at ${digest.topics.map((t) => `${t.topic} ${t.last}`).join(', ')}`)
    for (const receiver of receivers) {
      network.send(this, receiver, 'control', () => receiver.onDigest(this, digest))
    }
  }

  /** Its subscription appears or goes, which the others see a little later. */
  #noticed(): void {
    const { clock, random, receivers } = this.#world
    for (const receiver of receivers) {
      clock.after(random.int(0, 30), () => receiver.handle(() => receiver.onNotice(this)))
    }
  }

  #checkJournal(): void {
    const { bytes, framesHeld, messagesHeld } = this.#journal
    const { maxBytes } = this.#plan.journal
    check(bytes >= 0 && bytes <= Math.max(maxBytes, BODIES.length), `${bytes} bytes in a journal`)
    check(framesHeld === messagesHeld && framesHeld >= 0, `${framesHeld} frames wait`)
    const waiting = this.#said - this.#sent - this.#overflown
    check(framesHeld === waiting, `${framesHeld} frames wait to be sent, not ${waiting}`)
  }
}
