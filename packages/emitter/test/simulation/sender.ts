import { DigestSchedule } from '../../src/bus/digests.js'
import { type Frame, Journal } from '../../src/bus/journal.js'
import { Requirements } from '../../src/bus/requirements.js'
import { PATIENT_MS, type SenderPlan } from './plan.js'
import { Process } from './process.js'
import type { SimulatedReceiver } from './receiver.js'
import { check, type World } from './world.js'

export const EVERYONE = '*'

/** The topic of a bucket. */
export const bucketTopic = (bucket: number) => `b/${bucket}`

/** The bucket whose topic this is. */
export function bucketOfTopic(topic: string): number | undefined {
  return topic.startsWith('b/') ? Number(topic.slice(2)) : undefined
}

/** A frame that knows who said it. */
export interface SimulatedFrame extends Frame {
  readonly sender: string
  /** How many frames its sender had said before, on any topic. */
  readonly index: number
  readonly requires: readonly number[] | undefined
}

/** Where a sender's sequences stand. */
export interface Digest {
  topics: {
    topic: string
    last: number
    /** Of the topic of a bucket, how old the sender was when it sent the last. */
    sentAtAgeMs?: number
    /** Where it stood at the time about which it was asked. */
    base?: number
  }[]
  ageMs: number
}

/** As in src/bus/repairs.ts. */
const DIGEST_DELAYS_MS = [300, 3_000, 12_000] as const
const ASKED_INTERVAL_MS = 50
const BUCKET_GRIDS_MS = [250, 3_000, 12_000] as const
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
  readonly #bucketSchedule = new DigestSchedule(DIGEST_DELAYS_MS, BUCKET_GRIDS_MS)
  readonly #requirements = new Requirements()
  /** All that was said on each topic. */
  readonly #frames = new Map<string, SimulatedFrame[]>()
  readonly #sentAt = new Map<SimulatedFrame, number>()
  /** The last seq on each topic that was sent or given up, and when. */
  readonly #passed = new Map<string, { seq: number; at: number }>()
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
    return [...this.#frames.keys()]
  }

  lastSent(topic: string): number {
    return this.#passed.get(topic)?.seq ?? 0
  }

  lastSaid(topic: string): number {
    return this.#frames.get(topic)?.length ?? 0
  }

  frame(topic: string, seq: number): SimulatedFrame {
    return this.#frames.get(topic)![seq - 1]!
  }

  /** When a frame was sent for the first time, if it was. */
  sentAt(topic: string, seq: number): number | undefined {
    return this.#sentAt.get(this.frame(topic, seq))
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
    const bucket = bucketOfTopic(topic)
    const seq = this.lastSaid(topic) + 1
    if (bucket !== undefined) {
      this.#append(topic, bytes, this.#requirements.ofBucket())
      this.#requirements.saidToBucket(bucket, seq)
      if (this.#requirements.size >= this.#plan.maxRequired) this.say(EVERYONE, 1)
    } else if (topic === EVERYONE) {
      this.#append(topic, bytes, this.#requirements.ofEveryone())
      this.#requirements.saidToEveryone(seq)
    } else this.#append(topic, bytes, undefined)
    this.#send()
  }

  #append(topic: string, bytes: number, requires: readonly number[] | undefined): void {
    const { clock, log } = this.#world
    let frames = this.#frames.get(topic)
    if (frames === undefined) {
      frames = []
      this.#frames.set(topic, frames)
    }
    const frame: SimulatedFrame = {
      sender: this.uid,
      index: this.#said++,
      topic,
      seq: frames.length + 1,
      requires,
      body: BODIES[bytes]!,
      messages: 1,
    }
    frames.push(frame)
    const overflow = this.#journal.append(frame, clock.now, ({ topic, seq }) => {
      if (topic === EVERYONE || bucketOfTopic(topic) !== undefined) this.#pass(topic, seq)
    })
    if (overflow !== undefined) {
      check(overflow.frames > 0 && overflow.messages === overflow.frames, 'an empty overflow')
      this.#overflown += overflow.frames
      log?.(`${this.uid} gives up ${overflow.frames} frames before they are sent`)
    }
    this.#checkJournal()
  }

  #pass(topic: string, seq: number): void {
    const { now } = this.#world.clock
    if (seq > this.lastSent(topic)) this.#passed.set(topic, { seq, at: now })
    const isBucket = bucketOfTopic(topic) !== undefined
    const schedule = isBucket ? this.#bucketSchedule : this.#schedule
    schedule.sent(topic, now)
    this.#setAlarm()
  }

  linkUp(): void {
    if (this.isDead || this.isUp) return
    this.isUp = true
    this.isAttached = true
    this.#world.log?.(`${this.uid} link up`)
    this.#noticed()
    this.#sayDigests(new Set([EVERYONE, ...this.#journal.topics(), ...this.#bucketTopics()]))
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
    check(askedTo <= this.lastSaid(topic), `a NAK up to ${askedTo}, which was never sent`)
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

  /** A receiver asks where a topic stood when it began to follow it. */
  onAskAbout(receiver: SimulatedReceiver, topic: string, ageMs: number): void {
    if (!this.isUp) return
    const last = this.lastSent(topic)
    const then = this.#journal.lastBefore(topic, this.startedAt + ageMs) ?? last
    const base = ageMs === 0 ? 0 : Math.min(then, last)
    const digest = { topics: [{ topic, last, base }], ageMs: this.#ageMs }
    const { network, log } = this.#world
    log?.(`${this.uid} stood at ${topic} ${base} when it was ${ageMs} ms old`)
    network.send(this, receiver, 'control', () => receiver.onDigest(this, digest))
  }

  /** Answers all who have asked. */
  #answer(): void {
    this.#answerIsDue = false
    this.#answeredAt = this.#world.clock.now
    this.#sayDigests([EVERYONE, ...this.#askers, ...this.#bucketTopics()])
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
    log?.(`${this.uid} sends ${frame.topic} ${frame.seq} after ${frame.requires ?? 'none'}`)
    if (!this.#sentAt.has(frame)) this.#sentAt.set(frame, this.#world.clock.now)
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
    this.#pass(frame.topic, frame.seq)
  }

  #bucketTopics(): string[] {
    return this.topics().filter((topic) => bucketOfTopic(topic) !== undefined)
  }

  get #ageMs(): number {
    return Math.floor(this.#world.clock.now - this.startedAt)
  }

  get #nextDue(): number {
    const { POSITIVE_INFINITY } = Number
    const due = this.#schedule.nextDue() ?? POSITIVE_INFINITY
    return Math.min(due, this.#bucketSchedule.nextDue() ?? POSITIVE_INFINITY)
  }

  #setAlarm(): void {
    const at = this.#nextDue
    if (at === this.#alarmAt) return
    this.#alarmAt = at
    if (at === Number.POSITIVE_INFINITY) return
    const { clock } = this.#world
    clock.at(at, () =>
      this.handle(() => {
        if (this.#alarmAt !== at) return
        this.#alarmAt = Number.POSITIVE_INFINITY
        const due = [...this.#schedule.due(clock.now), ...this.#bucketSchedule.due(clock.now)]
        this.#sayDigests(due)
        check(this.#nextDue > clock.now, 'a digest that stays due')
        this.#setAlarm()
      }),
    )
  }

  #sayDigests(topics: Iterable<string>): void {
    if (!this.isUp) return
    const { network, receivers, log } = this.#world
    const digest: Digest = {
      topics: Array.from(topics, (topic) => this.#stand(topic)),
      ageMs: this.#ageMs,
    }
    log?.(`${this.uid} stands at ${digest.topics.map((t) => `${t.topic} ${t.last}`).join(', ')}`)
    for (const receiver of receivers) {
      network.send(this, receiver, 'control', () => receiver.onDigest(this, digest))
    }
  }

  #stand(topic: string): Digest['topics'][number] {
    const { seq, at } = this.#passed.get(topic) ?? { seq: 0, at: 0 }
    if (bucketOfTopic(topic) === undefined) return { topic, last: seq }
    return { topic, last: seq, sentAtAgeMs: Math.floor(at - this.startedAt) }
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
