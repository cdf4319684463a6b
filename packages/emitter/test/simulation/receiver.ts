import { Inbox } from '../../src/bus/inbox.js'
import type { ReceiverPlan } from './plan.js'
import { Process } from './process.js'
import { Record } from './record.js'
import { type Digest, EVERYONE, type SimulatedFrame, type SimulatedSender } from './sender.js'
import { check, type World } from './world.js'

/** How often a tick may be followed by another at the same time. */
const MAX_TICKS_AT_ONCE = 3

/** What Incoming and the bus do, on a virtual clock and a simulated network, with a real inbox. */
export class SimulatedReceiver extends Process {
  readonly ownTopic: string
  readonly inbox: Inbox<SimulatedFrame>
  /** What has come of each sender on each topic, kept without the inbox. */
  readonly records = new Map<string, Record>()
  readyAt: number | undefined
  upSince = 0
  readonly #world: World
  readonly #plan: ReceiverPlan
  /** Since when each sender is there. */
  readonly #reachable = new Map<string, number>()
  #alarmAt = Number.POSITIVE_INFINITY
  #alarmWasMissed = false
  #tickedAt = Number.NEGATIVE_INFINITY
  #ticksAtOnce = 0
  /** What may make it tick or ask, in the running second. */
  #heard = 0
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
    this.inbox = new Inbox(world.plan.inbox, {
      deliver: (uid, topic, frame) => this.#record(uid, topic).deliver(frame),
      gap: (uid, topic, frames) => {
        this.#world.log?.(`receiver ${index} has lost ${frames} of ${uid} on ${topic}`)
        this.#record(uid, topic).gap(frames)
      },
      nak: (uid, topic, from, to) => this.#nak(uid, topic, from, to),
      doubt: (uid, topic, seq) => this.#doubt(uid, topic, seq),
      ask: (uid) => this.#ask(uid),
      isReachable: (uid) => this.#reachable.has(uid),
    })
  }

  hears(topic: string): boolean {
    return topic === EVERYONE || topic === this.ownTopic
  }

  onFrame(sender: SimulatedSender, topic: string, frame: SimulatedFrame): void {
    const { inbox } = this
    const { clock, log } = this.#world
    const { uid } = sender
    const { seq, body } = frame
    const record = this.#recordOf(sender, topic)
    if (inbox.has(uid, topic, seq)) {
      this.duplicates++
      record.onDuplicate(seq)
      return inbox.repeated(uid, topic, seq, clock.now)
    }
    record.onFrame(seq)
    const isOwn = topic === this.ownTopic
    const verdict = inbox.receive(uid, topic, seq, frame, body.length, clock.now, isOwn)
    log?.(`receiver ${this.index} gets ${uid} ${topic} ${seq}: ${verdict}`)
    record.onVerdict(frame, verdict)
    if (verdict === 'duplicate') this.duplicates++
    if (verdict === 'dropped') this.isOverfull = true
    if (verdict !== 'delivered' || inbox.isWaiting) this.setAlarm()
    this.#afterEvent()
  }

  onDigest(sender: SimulatedSender, { topics, ageMs }: Digest): void {
    const { now } = this.#world.clock
    const isOlder = ageMs > now - (this.readyAt ?? now)
    for (const { topic, last } of topics) {
      if (!this.hears(topic)) continue
      this.#world.log?.(`receiver ${this.index} hears ${sender.uid} is at ${topic} ${last}`)
      this.#recordOf(sender, topic).onDigest(last, isOlder)
      this.inbox.digest(sender.uid, topic, last, isOlder, now, topic === this.ownTopic)
      this.setAlarm()
    }
    this.#afterEvent()
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
      this.#reachable.delete(uid)
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
    if (!sender.isUp) this.#reachable.delete(sender.uid)
    else if (!this.#reachable.has(sender.uid)) this.#reachable.set(sender.uid, clock.now)
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

  #ask(uid: string): void {
    this.asks++
    this.#asked++
    if (!this.isUp) return
    const sender = this.#world.senders.find((other) => other.uid === uid)!
    this.#world.log?.(`receiver ${this.index} asks ${uid} where it stands`)
    this.#world.network.send(this, sender, 'control', () => sender.onAsk(this))
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
    const mostTimed = this.records.size * (1_000 / plan.inbox.nakIntervalMs + 3)
    const most = this.#heard * this.records.size + mostTimed
    check(this.#ticked <= most, `${this.#ticked} ticks in a second`)
    check(this.#asked <= most, `asked for repairs ${this.#asked} times in a second`)
  }
}
