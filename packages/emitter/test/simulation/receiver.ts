import { Inbox } from '../../src/bus/inbox.js'
import { Starts } from '../../src/bus/starts.js'
import { EVERYONE as EVERYONE_NUMBER } from '../../src/wire/frame.js'
import type { ReceiverPlan } from './plan.js'
import { Process } from './process.js'
import { Record } from './record.js'
import {
  bucketOfTopic,
  bucketTopic,
  type Digest,
  EVERYONE,
  type SimulatedFrame,
  type SimulatedSender,
} from './sender.js'
import { check, type World } from './world.js'

const NEVER = Number.POSITIVE_INFINITY
/** How often a tick may be followed by another at the same time. */
const MAX_TICKS_AT_ONCE = 3

/** A bucket that is followed. */
interface Followed {
  since: number
  inForceAt: number
  /** For each sender, which of its frames had come last that was for everyone. */
  lastToEveryone: ReadonlyMap<string, number>
}

/** What Incoming and the bus do, on a virtual clock and a simulated network, with a real inbox. */
export class SimulatedReceiver extends Process {
  readonly ownTopic: string
  readonly inbox: Inbox<SimulatedFrame>
  /** What has come of each sender on each topic, kept without the inbox. */
  readonly records = new Map<string, Record>()
  readyAt: number | undefined
  upSince = 0
  /** The buckets that are followed: since when, and since when that is in force. */
  readonly #followed = new Map<number, Followed>()
  readonly #starts: Starts
  /** For each sender, which of its frames was the last to come that was for everyone. */
  readonly #lastToEveryone = new Map<string, number>()
  /** The same of those that were for a bucket. */
  readonly #lastToBucket = new Map<string, number>()
  /** What was told as lost on topics that are not followed any more. */
  gapsElsewhere = 0
  /** How often it began to follow a bucket. */
  followed = 0
  readonly #world: World
  readonly #plan: ReceiverPlan
  /** Since when each sender is there. */
  readonly #reachable = new Map<string, number>()
  /** The same of those that have left. */
  readonly #away = new Map<string, number>()
  #alarmAt = Number.POSITIVE_INFINITY
  #alarmWasMissed = false
  #tickedAt = Number.NEGATIVE_INFINITY
  #ticksAtOnce = 0
  /** What may make it tick or ask, in the running second. */
  #heard = 0
  #mostRecords = 0
  #ticked = 0
  #asked = 0
  #second = 0
  #frozenAt = 0
  #frozenMs = 0
  ticks = 0
  naks = 0
  asks = 0
  duplicates = 0
  isOverfull = false

  constructor(world: World, index: number, plan: ReceiverPlan) {
    super(index)
    this.#world = world
    this.#plan = plan
    this.ownTopic = `n/${index}`
    this.#starts = new Starts({
      ownTopic: this.ownTopic,
      bucketOf: bucketOfTopic,
      since: (bucket) => this.#followed.get(bucket)?.since ?? 0,
    })
    this.inbox = new Inbox(world.plan.inbox, {
      deliver: (uid, topic, frame: SimulatedFrame) => {
        this.#record(uid, topic).deliver(frame)
        this.#checkOrder(frame)
      },
      gap: (uid, topic, frames) => {
        this.#world.log?.(`receiver ${index} has lost ${frames} of ${uid} on ${topic}`)
        this.#record(uid, topic).gap(frames)
      },
      nak: (uid, topic, from, to) => this.#nak(uid, topic, from, to),
      doubt: (uid, topic, seq) => this.#doubt(uid, topic, seq),
      ask: (uid, topic) => this.#ask(uid, topic),
      isReachable: (uid) => this.#reachable.has(uid),
      isBucket: (topic) => bucketOfTopic(topic) !== undefined,
      startsAtOne: (uid, topic) => this.#startsAtOne(uid, topic),
      topicOf: (number) => {
        if (number === EVERYONE_NUMBER) return EVERYONE
        return this.#follows(bucketTopic(number)) ? bucketTopic(number) : undefined
      },
    })
  }

  /** Whether a broker passes on to it what is said on a topic. */
  hears(topic: string): boolean {
    const bucket = bucketOfTopic(topic)
    if (bucket === undefined) return topic === EVERYONE || topic === this.ownTopic
    const { now } = this.#world.clock
    return this.#plan.isStatic || now >= (this.#followed.get(bucket)?.inForceAt ?? NEVER)
  }

  /** From when on it must get all that is said on a topic. */
  hearsFrom(topic: string): number {
    const readyAt = this.readyAt ?? NEVER
    const bucket = bucketOfTopic(topic)
    if (bucket === undefined || this.#plan.isStatic) return readyAt
    return Math.max(readyAt, this.#followed.get(bucket)?.inForceAt ?? NEVER)
  }

  #follows(topic: string): boolean {
    const bucket = bucketOfTopic(topic)
    if (bucket === undefined) return this.hears(topic)
    return this.#plan.isStatic || this.#followed.has(bucket)
  }

  #startsAtOne(uid: string, topic: string): boolean {
    const { senders, clock } = this.#world
    const record = this.#recordOf(senders.find((other) => other.uid === uid)!, topic)
    const startsAtOne = this.#starts.atOne(uid, topic, clock.now)
    if (startsAtOne) record.startsAt(1)
    return startsAtOne
  }

  follow(bucket: number, delayMs: number): void {
    if (this.#plan.isStatic || this.#followed.has(bucket)) return
    const { clock, log } = this.#world
    log?.(`receiver ${this.index} follows bucket ${bucket}`)
    this.#followed.set(bucket, {
      since: clock.now,
      inForceAt: clock.now + delayMs,
      lastToEveryone: new Map(this.#lastToEveryone),
    })
    this.inbox.follow(bucketTopic(bucket))
    this.followed++
  }

  unfollow(bucket: number): void {
    if (!this.#followed.delete(bucket)) return
    const topic = bucketTopic(bucket)
    this.#world.log?.(`receiver ${this.index} leaves bucket ${bucket}`)
    for (const { uid } of this.#world.senders) {
      const key = `${uid} ${topic}`
      this.gapsElsewhere += this.records.get(key)?.gaps ?? 0
      this.records.delete(key)
    }
    this.inbox.unfollow(topic, this.#world.clock.now)
    this.setAlarm()
    this.#afterEvent()
  }

  /** Of each sender, what is for everyone and what is for a room come in the order of saying. */
  #checkOrder({ sender, topic, seq, index }: SimulatedFrame): void {
    if (topic === this.ownTopic) return
    const [own, other] =
      topic === EVERYONE
        ? [this.#lastToEveryone, this.#lastToBucket]
        : [this.#lastToBucket, this.#lastToEveryone]
    own.set(sender, Math.max(index, own.get(sender) ?? -1))
    // with a frame for everyone it is lost, too, what that required
    const hasLost = (this.records.get(`${sender} ${EVERYONE}`)?.gaps ?? 0) > 0
    const before = other.get(sender) ?? -1
    check(
      index > before || hasLost || this.#world.plan.isCrowded,
      `${sender} ${topic} ${seq}, the ${index}th, comes after the ${before}th`,
    )
  }

  /** The index of the last frame for everyone that had come when a topic was followed. */
  followedAfter({ uid }: SimulatedSender, topic: string): number {
    const bucket = bucketOfTopic(topic)
    if (bucket === undefined) return -1
    const sinceStart = this.records.get(`${uid} ${EVERYONE}`)?.startedAfter ?? -1
    return Math.max(sinceStart, this.#followed.get(bucket)?.lastToEveryone.get(uid) ?? -1)
  }

  /** The bytes that are held back of a sender. */
  heldBytesOf(uid: string): number {
    let bytes = 0
    for (const record of this.records.values()) {
      if (record.sender.uid === uid) bytes += record.heldBytes
    }
    return bytes
  }

  onFrame(sender: SimulatedSender, topic: string, frame: SimulatedFrame): void {
    const { inbox } = this
    const { clock, log } = this.#world
    const { uid } = sender
    const { seq, body, requires } = frame
    if (!this.#follows(topic)) return
    const record = this.#recordOf(sender, topic)
    if (inbox.has(uid, topic, seq)) {
      this.duplicates++
      record.onDuplicate(seq)
      return inbox.repeated(uid, topic, seq, clock.now)
    }
    // of one that had come before its sender was forgotten nothing is read
    if (seq >= inbox.next(uid, topic)) this.#learn(sender, frame)
    record.onFrame(seq)
    const verdict = inbox.receive(uid, topic, seq, frame, body.length, clock.now, requires)
    log?.(`receiver ${this.index} gets ${uid} ${topic} ${seq}: ${verdict}`)
    record.onVerdict(frame, verdict)
    if (verdict === 'duplicate') this.duplicates++
    if (verdict === 'dropped') this.isOverfull = true
    if (verdict !== 'delivered' || inbox.isWaiting) this.setAlarm()
    this.#afterEvent()
  }

  /** What a frame requires has been sent. */
  #learn(sender: SimulatedSender, { requires = [] }: SimulatedFrame): void {
    for (let i = 0; i < requires.length; i += 2) {
      const [number, seq] = requires.slice(i, i + 2) as [number, number]
      const topic = number === EVERYONE_NUMBER ? EVERYONE : bucketTopic(number)
      if (this.#follows(topic)) this.#recordOf(sender, topic).learn(seq)
    }
  }

  onDigest(sender: SimulatedSender, { topics, ageMs }: Digest): void {
    const { now } = this.#world.clock
    this.#starts.heard(sender.uid, ageMs, now)
    for (const stand of topics) {
      const { topic, last } = stand
      if (!this.#follows(topic)) continue
      const start = this.#startTold(sender, stand, ageMs)
      this.#world.log?.(
        `receiver ${this.index} hears ${sender.uid} is at ${topic} ${last}, and starts at ${start}`,
      )
      this.#recordOf(sender, topic).onDigest(last, start)
      this.inbox.digest(sender.uid, topic, last, start, now)
      this.setAlarm()
    }
    this.#afterEvent()
  }

  /** Where the sequence starts by what its sender tells. */
  #startTold(
    { uid }: SimulatedSender,
    { topic, last, base, sentAtAgeMs }: Digest['topics'][number],
    ageMs: number,
  ): number | undefined {
    const { now } = this.#world.clock
    return sentAtAgeMs === undefined
      ? this.#starts.ofDigest(uid, topic, last, ageMs, base, now)
      : this.#starts.ofBucketDigest(uid, topic, last, sentAtAgeMs, now)
  }

  onGone(sender: SimulatedSender, topic: string, from: number, to: number): void {
    this.#world.log?.(`receiver ${this.index} hears ${sender.uid} ${topic} ${from}-${to} are gone`)
    this.inbox.gone(sender.uid, topic, from, to, this.#world.clock.now)
    this.setAlarm()
    this.#afterEvent()
  }

  /** For how long it has not been frozen. */
  get awakeMs(): number {
    return this.#world.clock.now - this.#frozenMs
  }

  reachableSince(uid: string): number | undefined {
    return this.#reachable.get(uid)
  }

  awaySince(uid: string): number {
    return this.#away.get(uid) ?? 0
  }

  /** A sender's subscription has appeared or gone. */
  onNotice(sender: SimulatedSender): void {
    if (!this.isUp) return
    this.#setReachable(sender)
    this.setAlarm()
    this.#afterEvent()
  }

  linkUp(): void {
    if (this.isUp) return
    const { clock, senders, network, log } = this.#world
    this.isUp = true
    this.isAttached = true
    this.upSince = clock.now
    this.readyAt ??= clock.now
    this.#starts.ready(clock.now)
    log?.(`receiver ${this.index} link up`)
    for (const sender of senders) if (sender.isUp) this.#setReachable(sender)
    for (const sender of senders) {
      network.send(this, sender, 'control', () => sender.onAsk(this))
    }
    this.inbox.resume(clock.now)
    this.setAlarm()
    this.#afterEvent()
  }

  linkDown(): void {
    if (!this.isUp) return
    const { clock, senders, random, log } = this.#world
    this.isUp = false
    this.isAttached = false
    log?.(`receiver ${this.index} link down`)
    const pausesFirst = random.chance(0.5)
    if (pausesFirst) this.inbox.pause()
    for (const { uid } of senders) {
      if (this.#reachable.delete(uid)) this.#away.set(uid, clock.now)
      this.inbox.reachable(uid, false, clock.now)
    }
    if (!pausesFirst) this.inbox.pause()
    this.setAlarm()
    this.#afterEvent()
  }

  override freeze(): void {
    if (!this.isFrozen) this.#frozenAt = this.#world.clock.now
    super.freeze()
  }

  override thaw(): void {
    if (this.isFrozen) this.#frozenMs += this.#world.clock.now - this.#frozenAt
    this.isFrozen = false
    // timers that ran out meanwhile are in one phase of the event loop, sockets in another
    if (this.#plan.timersFirst) this.#catchUp()
    super.thaw()
    this.#catchUp()
  }

  #catchUp(): void {
    if (this.#alarmWasMissed) this.#onAlarm(this.#alarmAt)
  }

  #setReachable(sender: SimulatedSender): void {
    const { clock, log } = this.#world
    if (!sender.isUp) {
      if (this.#reachable.delete(sender.uid)) this.#away.set(sender.uid, clock.now)
    } else if (!this.#reachable.has(sender.uid)) this.#reachable.set(sender.uid, clock.now)
    log?.(`receiver ${this.index} sees that ${sender.uid} is ${sender.isUp ? 'there' : 'away'}`)
    this.inbox.reachable(sender.uid, sender.isUp, clock.now)
  }

  #nak(uid: string, topic: string, from: number, to: number): void {
    this.naks++
    const record = this.#record(uid, topic)
    check(this.#reachable.has(uid), `a NAK to ${uid}, who is not there`)
    if (record.onNak(from, to)) this.#asked++
    if (!this.isUp) return
    const { sender } = record
    this.#world.log?.(`receiver ${this.index} misses ${uid} ${topic} ${from}-${to}`)
    this.#world.network.send(this, sender, 'control', () => sender.onNak(this, topic, from, to))
  }

  #doubt(uid: string, topic: string, seq: number): void {
    this.#asked++
    if (!this.isUp) return
    const { sender } = this.#record(uid, topic)
    this.#world.network.send(this, sender, 'control', () => sender.onNak(this, topic, seq, seq))
  }

  #ask(uid: string, topic: string): void {
    this.asks++
    this.#asked++
    if (!this.isUp) return
    const { senders, network, log } = this.#world
    const sender = senders.find((other) => other.uid === uid)!
    const ageMs = this.#starts.ageToAskAbout(uid, topic, this.#world.clock.now)
    log?.(`receiver ${this.index} asks ${uid} where it stands, on ${topic} at ${ageMs}`)
    network.send(this, sender, 'control', () => {
      if (ageMs === undefined) sender.onAsk(this)
      else sender.onAskAbout(this, topic, ageMs)
    })
  }

  setAlarm(): void {
    const at = this.inbox.nextTick() ?? Number.POSITIVE_INFINITY
    if (at === this.#alarmAt) return
    this.#alarmAt = at
    this.#alarmWasMissed = false
    if (at !== Number.POSITIVE_INFINITY) this.#world.clock.at(at, () => this.#onAlarm(at))
  }

  #onAlarm(at: number): void {
    if (this.#alarmAt !== at) return
    if (this.isFrozen) {
      this.#alarmWasMissed = true
      return
    }
    this.#alarmWasMissed = false
    this.#alarmAt = Number.POSITIVE_INFINITY
    const { now } = this.#world.clock
    this.inbox.tick(now)
    this.ticks++
    this.#ticked++
    this.#ticksAtOnce = this.#tickedAt === now ? this.#ticksAtOnce + 1 : 1
    this.#tickedAt = now
    check(this.#ticksAtOnce <= MAX_TICKS_AT_ONCE, 'ticks without end')
    this.setAlarm()
    this.#afterEvent(false)
  }

  #recordOf(sender: SimulatedSender, topic: string): Record {
    const key = `${sender.uid} ${topic}`
    let record = this.records.get(key)
    if (record === undefined) {
      record = new Record(this.#world, this, sender, topic)
      this.records.set(key, record)
    }
    return record
  }

  #record(uid: string, topic: string): Record {
    const record = this.records.get(`${uid} ${topic}`)
    check(record !== undefined, `something of ${uid} on ${topic}, who was not heard`)
    return record
  }

  #afterEvent(isFromOutside = true): void {
    const { inbox } = this
    const { plan, clock } = this.#world
    check(inbox.senders <= plan.inbox.maxSenders, `${inbox.senders} senders are remembered`)
    const records = [...this.records.values()]
    // where what is said to everyone starts decides what is from before on the other topics
    for (const record of records) if (!record.isOfBucket) record.settle()
    for (const record of records) if (record.isOfBucket) record.settle()
    this.#mostRecords = Math.max(this.#mostRecords, this.records.size)
    let frames = 0
    let bytes = 0
    for (const { held, heldBytes } of this.records.values()) {
      frames += held.size
      bytes += heldBytes
    }
    const isExact = inbox.heldFrames === frames && inbox.heldBytes === bytes
    check(isExact, `${inbox.heldFrames} frames of ${inbox.heldBytes} bytes are held`)
    const second = Math.floor(clock.now / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#heard = 0
      this.#ticked = 0
      this.#asked = 0
    }
    if (isFromOutside) this.#heard++
    const streams = this.#mostRecords + 1
    const most = this.#heard * streams + streams * (1_000 / plan.inbox.nakIntervalMs + 3)
    check(this.#ticked <= most, `${this.#ticked} ticks in a second`)
    check(this.#asked <= most, `asked for repairs ${this.#asked} times in a second`)
  }
}
