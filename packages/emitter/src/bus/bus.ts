import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import createDebug from 'debug'
import { type Control, ControlType, writeControl, writeControls } from '../wire/control.js'
import type { IncomingMessage } from '../wire/frame.js'
import type { MsgpackWriter } from '../wire/msgpack.js'
import { Topics, UID_LENGTH } from '../wire/topics.js'
import { Alarm } from './alarm.js'
import { Audience } from './audience.js'
import { Directing } from './directing.js'
import { ClosedError, FlushTimeoutError, JournalOverflowError } from './errors.js'
import { Following } from './following.js'
import type { Handshakes } from './handshakes.js'
import { Incoming } from './incoming.js'
import { Journal, type Overflow } from './journal.js'
import { Link } from './link.js'
import { Marks } from './marks.js'
import { Members } from './members.js'
import { warnOfNoBroker } from './no-broker.js'
import { Notice } from './notice.js'
import type { ResolvedBusOptions } from './options.js'
import { Outgoing } from './outgoing.js'
import { type RefusalReason, Refusals } from './refusals.js'
import { Repairs } from './repairs.js'
import { type BusSockets, makeSockets } from './sockets.js'
import type { BusStats } from './stats.js'

const debug = createDebug('socket.io-zeromq:bus')

/** How long to wait for a broker before saying that there is none. */
const NO_BROKER_WARNING_MS = 5_000
/** How long a probe of the link may take before another is sent. */
const PROBE_INTERVAL_MS = 250
/** How long a vanished subscription may turn out to be a lost link. */
const SETTLE_MS = 25
/**
 * A frame costs sender, broker and receivers the same whatever is in it. Gathering over several turns,
 * where each adds something, raised the rate of a flood of 60-byte messages by a quarter (418 to 517
 * thousand/s); 1 ms raised it no further. Who speaks less often than this does not wait.
 */
const GATHER_MS = 0.5
/** How exactly the journal keeps its age. */
const JOURNAL_EXPIRY_STEP_MS = 1_000
/** How long a bucket is not directed after clients elsewhere were asked to join a room in it. */
const HOLD_MS = 5_000
/** How long the way out must have been quiet after an outage before a bus may leave. */
const LINGER_MS = 500

/** The bounds of an inbox; see docs/guarantees.md. */
const INBOX = {
  nakIntervalMs: 100,
  repairTimeoutMs: 10_000,
  unreachableTimeoutMs: 10_000,
  startTimeoutMs: 1_000,
  forgetMs: 600_000,
  maxHeldBytes: 16 * 1024 * 1024,
  maxHeldBytesOfAll: 128 * 1024 * 1024,
  maxHeldFrames: 131_072,
  maxSenders: 16_384,
} as const
/** How many nodes, and how many emitters, a cluster has at most: none that can be asked is forgotten. */
const MAX_MEMBERS = INBOX.maxSenders / 2
/** How long a repair waits with several brokers, since the frame may be on its way. */
const SEVERAL_BROKERS_NAK_DELAY_MS = 40

/** What a bus tells; every event but `error` may be ignored. */
export interface BusEvents {
  /** The way to a broker and back is open. */
  'link:up': []
  /** The way to every broker is closed; what is said waits. */
  'link:down': []
  /** Messages were given up before they were sent, because more waited than the journal holds. */
  overflow: [overflow: { frames: number; messages: number }]
  /** Frames of a sender are lost for good: so many, on a topic. */
  gap: [gap: { sender: string; topic: string; frames: number }]
  /** A node has joined the cluster. */
  'member:join': [uid: string]
  /** A node has left the cluster, or died. */
  'member:leave': [uid: string]
  /** Something went wrong. Without a listener it becomes a process warning. */
  error: [error: Error]
}

/** A node is a member and hears what is said to everyone; an emitter only speaks. */
export type BusKind = 'node' | 'emitter'

/**
 * Which frames a node gets: `static` all of them, `dynamic` those for everyone, and those of its own
 * buckets.
 */
export type SubscriptionMode = 'static' | 'dynamic'

/**
 * A message bus over ZeroMQ: it knows topics, senders, frames and members, and nothing of rooms or
 * packets. Each message goes to a topic; what a topic's subscribers get from one sender, they get in
 * the order in which it was said, and once.
 */
export class Bus extends EventEmitter<BusEvents> {
  /** This sender's name, fresh for every bus. */
  readonly uid = randomBytes(UID_LENGTH / 2).toString('hex')
  readonly topics: Topics
  readonly #options: ResolvedBusOptions
  readonly #ownTopic: string
  readonly #sockets: BusSockets
  #handshakes: Handshakes | undefined
  readonly #journal: Journal
  readonly #outgoing: Outgoing
  readonly #incoming: Incoming
  readonly #repairs: Repairs
  readonly #refusals = new Refusals()
  readonly #marks = new Marks()
  readonly #link = new Link()
  readonly #following: Following
  readonly #interestNotice: Notice
  readonly #audience = new Audience()
  readonly #directing: Directing
  readonly #members: Members
  readonly #memberAlarm: Alarm
  readonly #journalAlarm: Alarm
  /** The emitters that can be reached. */
  readonly #emitters = new Set<string>()
  readonly #startedAt = performance.now()
  /** When the link came up after an outage, or late. */
  #recoveredAt = Number.NEGATIVE_INFINITY
  #messagesDropped = 0
  #overflowWasReported = false
  #probeTimer: NodeJS.Timeout | undefined
  #noBrokerTimer: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined
  #isClosed = false
  readonly #ready: Promise<void>
  #resolveReady!: () => void
  #rejectReady!: (error: Error) => void

  /**
   * @param onMessage - called with each message of others, in order; what it throws is reported and
   *   stops nothing. A MalformedFrameError counts as a malformed message.
   * @param subscriptionMode - for nodes
   * @throws OptionError if ZeroMQ refuses an endpoint
   */
  constructor(
    kind: BusKind,
    options: ResolvedBusOptions,
    onMessage: (message: IncomingMessage) => void,
    subscriptionMode: SubscriptionMode = 'static',
  ) {
    super()
    this.#options = options
    this.topics = new Topics(options.key)
    const { everyone, control } = this.topics
    this.#ownTopic = kind === 'node' ? this.topics.node(this.uid) : this.topics.emitter(this.uid)
    // one's own topic last, so that a node which is seen to be a member hears everyone already
    const subscribed =
      kind === 'node' ? [everyone, control, this.#ownTopic] : [control, this.#ownTopic]
    this.#directing = new Directing(this.#audience, options.direct, HOLD_MS)
    this.#journal = new Journal(options.journal)
    this.#journalAlarm = new Alarm(
      () => {
        const at = this.#journal.nextExpiry()
        // once a second is often enough, and does not set a timer for every frame
        return at && Math.ceil(at / JOURNAL_EXPIRY_STEP_MS) * JOURNAL_EXPIRY_STEP_MS
      },
      () => this.#journal.expire(performance.now()),
    )
    this.#members = new Members(options.memberGraceMs, SETTLE_MS)
    this.#memberAlarm = new Alarm(
      () => this.#members.nextExpiry(),
      () => this.#expireMembers(),
    )
    this.#ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve
      this.#rejectReady = reject
    })
    this.#ready.catch(() => {}) // nobody has to ask
    this.#sockets = makeSockets(options)
    this.#following = new Following({
      uid: this.uid,
      topics: this.topics,
      mode: kind === 'node' ? subscriptionMode : 'none',
      socket: this.#sockets.sub,
      memberCount: () => this.#members.size,
      onFollow: (topic) => {
        this.#incoming.follow(topic)
        this.#interestNotice.changed()
      },
      onUnfollow: (topic) => {
        this.#incoming.unfollow(topic)
        this.#interestNotice.changed()
      },
    })
    this.#interestNotice = new Notice(() => this.#sayInterest())
    this.#outgoing = new Outgoing({
      uid: this.uid,
      socket: this.#sockets.pub,
      journal: this.#journal,
      maxMessageBytes: options.maxMessageBytes,
      gatherMs: options.gathering === 'on' ? GATHER_MS : 0,
      steadyTopic: everyone,
      isNumbered: options.sequences === 'on',
      buckets: {
        directing: this.#directing,
        topic: (bucket) => this.topics.bucket(bucket),
        isTopic: (topic) => this.topics.isBucket(topic),
      },
      onSent: (topic) => {
        this.#repairs.sent(topic)
        this.#journalAlarm.set()
      },
      onOverflow: (overflow) => this.#onOverflow(overflow),
      onError: (error) => this.report(error),
    })
    // a node's uid is the node's, though an emitter may subscribe as if it had the same
    const ownTopicOf = (uid: string) =>
      this.#emitters.has(uid) && !this.#members.isPresent(uid)
        ? this.topics.emitter(uid)
        : this.topics.node(uid)
    const isReachable = (uid: string) => this.#emitters.has(uid) || this.#members.isPresent(uid)
    this.#repairs = new Repairs({
      uid: this.uid,
      topics: this.topics,
      journal: this.#journal,
      outgoing: this.#outgoing,
      maxMessageBytes: options.maxMessageBytes,
      directing: this.#directing,
      ownTopicOf,
      isReachable,
      refusals: this.#refusals,
    })
    this.#incoming = new Incoming({
      uid: this.uid,
      socket: this.#sockets.sub,
      topics: this.topics,
      subscribed,
      controlTopic: control,
      ownTopic: this.#ownTopic,
      following: this.#following,
      inbox: {
        ...INBOX,
        nakDelayMs: options.brokers.length > 1 ? SEVERAL_BROKERS_NAK_DELAY_MS : 0,
      },
      refusals: this.#refusals,
      onMessage,
      onControl: (sender, message) => this.#onControl(sender, message),
      request: (sender, messages) => this.#sayFirst(ownTopicOf(sender), ...messages),
      isReachable,
      onGap: (sender, topic, frames) => this.#onGap(sender, topic, frames),
      onError: (error) => this.report(error),
    })
    // before one's own topic, too
    this.#start([...this.#following.topics, ...subscribed])
  }

  #start(topics: readonly string[]): void {
    const { sub, connect } = this.#sockets
    for (const topic of topics) sub.subscribe(topic)
    this.#handshakes = this.#sockets.watch((error) => this.report(error))
    try {
      connect()
    } catch (error) {
      this.#shut()
      throw error
    }
    debug('%s starts, own topic %s', this.uid, this.#ownTopic)
    const onEnd = (error: Error) => {
      // closing a socket ends its loop with an error
      if (!this.#isClosed) this.report(error)
    }
    this.#receiveNotices().catch(onEnd)
    this.#incoming.run().catch(onEnd)
    this.#noBrokerTimer = setTimeout(() => {
      // a broker that refuses us has been told of, and is there
      if (!this.#handshakes?.areRefused) warnOfNoBroker(this.#options, NO_BROKER_WARNING_MS)
    }, NO_BROKER_WARNING_MS)
    this.#noBrokerTimer.unref()
  }

  /** The uids of the other nodes in the cluster. */
  members(): string[] {
    return [...this.#members.uids()]
  }

  get memberCount(): number {
    return this.#members.size
  }

  hasMember(uid: string): boolean {
    return this.#members.has(uid)
  }

  /**
   * Resolves when the way to a broker and back has been open for the first time.
   * @throws ClosedError if the bus is closed before
   */
  ready(): Promise<void> {
    return this.#ready
  }

  /**
   * Says a message on a topic. It is sent at the end of this turn of the event loop, or when the link
   * is up.
   * @param write - writes the message: one array that begins with its type
   * @param bucket - of what is said to everyone: the one bucket whose nodes need it, see wire/buckets.
   *   It may then go to those alone, which makes no difference to the others
   * @throws MessageTooLargeError, ClosedError, and whatever `write` throws
   */
  say(topic: string, write: (writer: MsgpackWriter) => void, bucket?: number): void {
    if (this.#isClosed) throw closedError()
    this.#outgoing.say(topic, write, bucket)
    this.#marks.messageSaid()
  }

  /** Whether it can make a difference to name a bucket in {@link say}. */
  get mayDirect(): boolean {
    return this.#directing.mayPay
  }

  /**
   * To be called before clients of other nodes are made to join rooms: for 5 s, what is said to their
   * buckets goes to everyone, as those nodes may not follow them yet.
   * @param buckets - called if it matters which ones
   */
  holdBuckets(buckets: () => Iterable<number>): void {
    this.#directing.hold(this.mayDirect ? buckets() : undefined, performance.now())
  }

  /** There is one more address, a room or a namespace, in a bucket: a dynamic node follows it. */
  enterBucket(bucket: number): void {
    this.#following.enter(bucket)
  }

  /** There is one address less in a bucket. */
  leaveBucket(bucket: number): void {
    this.#following.leave(bucket)
  }

  /**
   * Resolves when a broker passes on to this node what is said to buckets that it has entered. Never
   * rejects.
   * @param timeoutMs - after which it resolves in any case; that is counted
   * @param buckets - all by default
   * @returns `undefined` if that is so already
   */
  inForce(timeoutMs: number, buckets?: Iterable<number>): Promise<void> | undefined {
    return this.#following.inForce(timeoutMs, buckets)
  }

  /**
   * Resolves when all that was said before has passed a broker.
   * @throws FlushTimeoutError after `closeTimeoutMs`, ClosedError
   */
  async flush(): Promise<void> {
    if (this.#isClosed) throw closedError()
    if (this.#marks.unconfirmed === 0) return
    const { closeTimeoutMs } = this.#options
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const count = this.#marks.unconfirmed
        reject(
          new FlushTimeoutError(
            `${count} ${count === 1 ? 'message' : 'messages'} may not have reached a broker within ` +
              `${closeTimeoutMs} ms (the link is ${this.#link.isUp ? 'up' : 'down'})`,
          ),
        )
      }, closeTimeoutMs)
    })
    const token = this.#marks.nextToken()
    const confirmed = this.#marks.wait(token)
    this.#sayMark(token)
    try {
      await Promise.race([confirmed, timeout])
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Flushes, waits for repairs that others may need after an outage, and leaves the cluster. The bus
   * is closed afterwards even if it throws.
   * @throws FlushTimeoutError
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  stats(): BusStats {
    this.#journal.expire(performance.now())
    return {
      link: this.#link.isUp ? 'up' : 'down',
      members: this.#members.size,
      framesSent: this.#outgoing.framesSent,
      framesDirected: this.#outgoing.framesDirected,
      messagesSent: this.#outgoing.messagesSent,
      bytesSent: this.#outgoing.bytesSent,
      messagesHeld: this.#outgoing.held,
      messagesDropped: this.#messagesDropped,
      journalBytes: this.#journal.bytes,
      repairsSent: this.#repairs.framesSent,
      ...this.#incoming.counters,
      framesLost: this.#incoming.inbox.lost,
      framesHeldBack: this.#incoming.inbox.heldFrames,
      bytesHeldBack: this.#incoming.inbox.heldBytes,
      refused: this.#refusals.counts,
      bucketsSubscribed: this.#following.buckets.size,
      joinsUnconfirmed: this.#following.unconfirmed,
    }
  }

  /** Counts something that was refused above the bus. */
  refuse(reason: RefusalReason): void {
    this.#refusals.count(reason)
  }

  /** Tells of an error: to the listeners of `error`, or as a process warning if there are none. */
  report(error: Error): void {
    debug('%s error: %s', this.uid, error.message)
    if (this.listenerCount('error') > 0) this.emit('error', error)
    else process.emitWarning(error)
  }

  /** Tells the listeners; what one of them throws is reported and stops nothing. */
  #tell<Event extends Exclude<keyof BusEvents, 'error'>>(
    event: Event,
    ...args: BusEvents[Event]
  ): void {
    try {
      ;(this as EventEmitter).emit(event, ...args)
    } catch (error) {
      this.report(error as Error)
    }
  }

  async #close(): Promise<void> {
    const deadline = performance.now() + this.#options.closeTimeoutMs
    try {
      await this.flush()
      if (this.#outgoing.hasSpoken) await this.#linger(deadline)
    } finally {
      this.#shut()
    }
  }

  /** After an outage, others find out what they have missed, and ask for it. */
  async #linger(deadline: number): Promise<void> {
    for (;;) {
      const now = performance.now()
      const quietAt = Math.max(this.#recoveredAt, this.#repairs.lastAskedAt) + LINGER_MS
      if (now >= quietAt || now >= deadline) return
      await sleep(Math.min(quietAt, deadline) - now)
    }
  }

  #shut(): void {
    this.#isClosed = true
    this.#link.ownTopicVanished()
    clearTimeout(this.#noBrokerTimer)
    clearInterval(this.#probeTimer)
    this.#memberAlarm.stop()
    this.#journalAlarm.stop()
    this.#interestNotice.close()
    this.#following.close()
    this.#outgoing.close()
    this.#incoming.close()
    this.#repairs.close()
    this.#handshakes?.close()
    this.#sockets.sub.close()
    this.#sockets.pub.close()
    this.#rejectReady(closedError())
    debug('%s is closed', this.uid)
  }

  /** The cluster's subscriptions, as the brokers pass them on to publishers. */
  async #receiveNotices(): Promise<void> {
    for (;;) {
      const [notice] = await this.#sockets.pub.receive()
      if (this.#isClosed) return // it was on its way already
      if (notice === undefined || notice.length < 2) continue
      const name = notice.toString('latin1', 1)
      const topic = this.topics.parse(name)
      const hasAppeared = notice[0] === 1
      if (topic.kind === 'other') {
        if (hasAppeared && this.topics.readBucket(name) !== undefined) this.#repairs.followed(name)
        continue
      }
      if (topic.kind === 'receipt') {
        if (hasAppeared && topic.uid === this.uid) this.#following.receiptReturned(topic.number)
        continue
      }
      if (topic.kind === 'everyone') continue
      if (topic.uid === this.uid) this.#onOwnTopic(hasAppeared)
      else if (topic.kind === 'node') this.#onNode(topic.uid, hasAppeared)
      else this.#onEmitter(topic.uid, hasAppeared)
    }
  }

  #onControl(sender: string, message: Exclude<Control, { type: typeof ControlType.REPAIR }>): void {
    switch (message.type) {
      case ControlType.MARK:
        return this.#marks.returned(message.token)
      case ControlType.PROBE:
        if (this.#link.probeReturned(message.number)) this.#onLinkUp()
        return
      case ControlType.NAK:
        return this.#repairs.onNak(sender, message.topic, message.from, message.to)
      case ControlType.GONE:
        return this.#incoming.gone(sender, message.topic, message.from, message.to)
      case ControlType.DIGEST: {
        const { topic, last, ageMs, base } = message
        return this.#incoming.digest(sender, topic, last, ageMs, base)
      }
      case ControlType.UNSENT:
        return this.#incoming.unsent(sender, message.topic, message.last)
      case ControlType.ASK: {
        const { about } = message
        if (about !== undefined) return this.#repairs.onAskAbout(sender, about.topic, about.ageMs)
        this.#repairs.onAsk(sender)
        return this.#interestNotice.asked()
      }
      case ControlType.BUCKET_DIGEST:
        return this.#incoming.bucketDigest(sender, message.ageMs, message.stands)
      case ControlType.INTEREST:
        return this.#audience.tell(sender, message.buckets)
    }
  }

  #sayFirst(topic: string, ...messages: readonly Control[]): void {
    this.#outgoing.sayFirst(topic, (writer) => writeControls(writer, messages))
  }

  #sayInterest(): void {
    const { isDynamic, buckets } = this.#following
    if (isDynamic) this.#sayFirst(this.topics.control, { type: ControlType.INTEREST, buckets })
  }

  /** Sends a mark behind all that has been said. */
  #sayMark(token: number): void {
    this.#outgoing.sayLast(this.#ownTopic, (writer) =>
      writeControl(writer, { type: ControlType.MARK, token }),
    )
  }

  #onOwnTopic(hasAppeared: boolean): void {
    if (hasAppeared) {
      if (!this.#link.ownTopicAppeared()) return
      this.#outgoing.linkProbing()
      this.#probeTimer = setInterval(() => this.#probe(), PROBE_INTERVAL_MS)
      return this.#probe()
    }
    clearInterval(this.#probeTimer)
    const wasUp = this.#link.ownTopicVanished()
    this.#outgoing.linkDown()
    this.#incoming.linkDown()
    this.#following.linkDown()
    this.#members.linkDown()
    if (!wasUp) return
    debug('%s link down, %d members are kept', this.uid, this.#members.size)
    this.#tell('link:down')
  }

  #probe(): void {
    this.#sayFirst(this.#ownTopic, { type: ControlType.PROBE, number: this.#link.nextProbe() })
  }

  #onLinkUp(): void {
    const now = performance.now()
    clearInterval(this.#probeTimer)
    clearTimeout(this.#noBrokerTimer)
    const isFirst = this.#incoming.readyAt === undefined
    if (!isFirst || now - this.#startedAt > LINGER_MS) this.#recoveredAt = now
    this.#members.linkUp(now)
    this.#memberAlarm.set()
    debug('%s link up, %d messages were held', this.uid, this.#outgoing.held)
    // where we stand, then what we missed, then what has waited
    this.#repairs.linkUp()
    this.#sayFirst(this.topics.control, { type: ControlType.ASK })
    this.#interestNotice.asked()
    this.#following.linkUp()
    this.#incoming.linkUp()
    this.#outgoing.linkUp()
    // the marks that were under way may be lost; one behind all of them speaks for them
    const { awaited } = this.#marks
    if (awaited !== undefined) this.#sayMark(awaited)
    this.#resolveReady()
    this.#tell('link:up')
  }

  #onNode(uid: string, hasAppeared: boolean): void {
    this.#incoming.reachable(uid, hasAppeared)
    if (!hasAppeared) {
      this.#members.vanished(uid, performance.now())
      return this.#memberAlarm.set()
    }
    if (this.#members.size >= MAX_MEMBERS && !this.#members.has(uid)) {
      return this.#refusals.count('tooManySenders')
    }
    if (!this.#members.appeared(uid)) return
    debug('%s sees %s join', this.uid, uid)
    this.#audience.joined(uid)
    this.#tell('member:join', uid)
  }

  #onEmitter(uid: string, hasAppeared: boolean): void {
    if (hasAppeared && this.#emitters.size >= MAX_MEMBERS) {
      return this.#refusals.count('tooManySenders')
    }
    if (hasAppeared) this.#emitters.add(uid)
    else this.#emitters.delete(uid)
    this.#incoming.reachable(uid, hasAppeared)
  }

  #expireMembers(): void {
    for (const uid of this.#members.expire(performance.now())) {
      debug('%s sees %s leave', this.uid, uid)
      this.#audience.left(uid)
      this.#tell('member:leave', uid)
    }
  }

  #onGap(sender: string, topic: string, frames: number): void {
    debug('%s has lost %d frames of %s on %s', this.uid, frames, sender, topic)
    this.#tell('gap', { sender, topic, frames })
  }

  #onOverflow(overflow: Overflow): void {
    this.#messagesDropped += overflow.messages
    this.#tell('overflow', overflow)
    if (this.#overflowWasReported) return
    this.#overflowWasReported = true
    this.report(
      new JournalOverflowError(
        `more waits to be sent than the ${this.#options.journal.maxBytes} bytes of ` +
          `journal.maxBytes (the link is ${this.#link.isUp ? 'up' : 'down'}): the oldest messages ` +
          'are given up, and counted in stats().messagesDropped; start a broker, say less at once, ' +
          'or raise the bound',
      ),
    )
  }
}

function closedError(): ClosedError {
  return new ClosedError('the connection to the cluster has been closed: make a new one')
}
