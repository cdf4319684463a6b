import { setImmediate as nextTurn } from 'node:timers/promises'
import createDebug from 'debug'
import type { Subscriber } from 'zeromq'
import { type Control, ControlType, readControl } from '../wire/control.js'
import {
  EVERYONE,
  type IncomingMessage,
  type IncomingMessages,
  noMessages,
  readHeader,
  readMessages,
  UnknownVersionError,
} from '../wire/frame.js'
import { MalformedFrameError, MsgpackReader } from '../wire/msgpack.js'
import type { Topics } from '../wire/topics.js'
import { Alarm } from './alarm.js'
import { Bundles } from './bundles.js'
import { Inbox, type InboxOptions } from './inbox.js'
import type { Refusals } from './refusals.js'
import { Starts } from './starts.js'

const debug = createDebug('socket.io-zeromq:bus')

/** How long received frames may keep the event loop from everything else. */
const MAX_TURN_MS = 4

type Repair = { type: typeof ControlType.REPAIR }
type ForOneself = { type: typeof ControlType.MARK | typeof ControlType.PROBE }

export interface IncomingOptions {
  uid: string
  socket: Subscriber
  topics: Topics
  /** The topics that are subscribed to, besides those of buckets. */
  subscribed: readonly string[]
  /** The one of them on which nothing is numbered. */
  controlTopic: string
  /** One's own topic, on which every sender's sequence is heard from its beginning. */
  ownTopic: string
  /** The buckets that are followed. */
  following: { follows(bucket: number): boolean; since(bucket: number): number }
  inbox: InboxOptions
  refusals: Refusals
  /** Takes a message of another sender. */
  onMessage(message: IncomingMessage): void
  /** Takes a control message; of one's own, only marks and probes. */
  onControl(sender: string, message: Exclude<Control, Repair>): void
  /** Asks a sender to say things again, or where it stands. */
  request(sender: string, messages: readonly Control[]): void
  isReachable(sender: string): boolean
  onGap(sender: string, topic: string, frames: number): void
  /** Takes what a listener throws. */
  onError(error: Error): void
}

/**
 * The way in: receives frames, refuses what is not what the protocol says, puts each sender's frames
 * in order, and hands out their messages.
 */
export class Incoming {
  readonly #options: IncomingOptions
  readonly #subscribed: readonly { topic: string; bytes: Buffer }[]
  readonly inbox: Inbox<IncomingMessages>
  readonly #alarm: Alarm
  readonly #starts: Starts
  /** What senders are asked for. */
  readonly #requests: Bundles
  #isClosed = false
  readonly counters = {
    framesReceived: 0,
    messagesReceived: 0,
    bytesReceived: 0,
    framesDuplicate: 0,
    framesRepaired: 0,
    framesMalformed: 0,
    framesUnknownVersion: 0,
    messagesMalformed: 0,
  }

  constructor(options: IncomingOptions) {
    this.#options = options
    this.#requests = new Bundles(options.request)
    const { topics, following, subscribed, ownTopic, onGap, isReachable } = options
    this.#starts = new Starts({
      ownTopic,
      bucketOf: (topic) => topics.readBucket(topic),
      since: (bucket) => following.since(bucket),
    })
    this.#subscribed = subscribed.map((topic) => ({ topic, bytes: Buffer.from(topic, 'latin1') }))
    this.inbox = new Inbox(options.inbox, {
      deliver: (_sender, _topic, messages) => this.#deliver(messages),
      nak: (sender, topic, from, to) => {
        debug('%s misses %d to %d of %s on %s', options.uid, from, to, sender, topic)
        this.#requests.add(sender, { type: ControlType.NAK, topic, from, to })
      },
      doubt: (sender, topic, seq) =>
        this.#requests.add(sender, { type: ControlType.NAK, topic, from: seq, to: seq }),
      ask: (sender, topic) => this.#ask(sender, topic),
      gap: onGap,
      isReachable,
      startsAtOne: (sender, topic) => this.#starts.atOne(sender, topic, performance.now()),
      isBucket: (topic) => topics.isBucket(topic),
      topicOf(number) {
        if (number === EVERYONE) return topics.everyone
        return following.follows(number) ? topics.bucket(number) : undefined
      },
    })
    this.#alarm = new Alarm(
      () => this.inbox.nextTick(),
      () => this.inbox.tick(performance.now()),
    )
  }

  /** When the link was up for the first time. */
  get readyAt(): number | undefined {
    return this.#starts.readyAt
  }

  /** Receives until it is closed; the socket throws then, unless a frame was on its way already. */
  async run(): Promise<void> {
    const { socket } = this.#options
    let turnBegan = performance.now()
    for (;;) {
      const frame = await socket.receive()
      if (this.#isClosed) return
      this.#onFrame(frame)
      const now = performance.now()
      if (now - turnBegan > MAX_TURN_MS) {
        await nextTurn()
        turnBegan = performance.now()
      }
    }
  }

  /** Whether a sender can be asked for repairs has changed. */
  reachable(uid: string, isReachable: boolean): void {
    this.inbox.reachable(uid, isReachable, performance.now())
    this.#alarm.set()
  }

  linkDown(): void {
    this.inbox.pause()
    this.#alarm.set()
  }

  linkUp(): void {
    const now = performance.now()
    this.#starts.ready(now)
    this.inbox.resume(now)
    this.#alarm.set()
  }

  /** The topic of a bucket is followed from now on. */
  follow(topic: string): void {
    this.inbox.follow(topic)
  }

  /** The topic of a bucket is not followed any more. */
  unfollow(topic: string): void {
    this.inbox.unfollow(topic, performance.now())
    this.#alarm.set()
  }

  /**
   * A sender tells where its sequence on a topic stands.
   * @param base - where it stood when we began to follow the topic, if we have asked for that
   */
  digest(sender: string, topic: string, last: number, ageMs: number, base?: number): void {
    const now = performance.now()
    this.#starts.heard(sender, ageMs, now)
    if (!this.#isFollowed(topic)) return
    const start = this.#starts.ofDigest(sender, topic, last, ageMs, base, now)
    this.#standsAt(sender, topic, last, start, now)
    this.#alarm.set()
  }

  /** A sender tells where its sequences on the topics of buckets stand; see BUCKET_DIGEST. */
  bucketDigest(sender: string, ageMs: number, stands: readonly number[]): void {
    const now = performance.now()
    this.#starts.heard(sender, ageMs, now)
    const { topics, following } = this.#options
    for (let i = 0; i < stands.length; i += 3) {
      const bucket = stands[i] as number
      if (!following.follows(bucket)) continue // most of them, and nothing is done for those
      const [last, sentAtAgeMs] = stands.slice(i + 1, i + 3) as [number, number]
      const topic = topics.bucket(bucket)
      const start = this.#starts.ofBucketDigest(sender, topic, last, sentAtAgeMs, now)
      this.#standsAt(sender, topic, last, start, now)
    }
    this.#alarm.set()
  }

  #standsAt(
    sender: string,
    topic: string,
    last: number,
    start: number | undefined,
    now: number,
  ): void {
    if (!this.inbox.digest(sender, topic, last, start, now)) {
      this.#options.refusals.count('tooFarAhead')
    }
  }

  /** A sender does not keep these frames any more. */
  gone(sender: string, topic: string, from: number, to: number): void {
    if (!this.inbox.gone(sender, topic, from, to, performance.now())) {
      this.#options.refusals.count('notAskedFor')
    }
    this.#alarm.set()
  }

  /** A sender was asked for frames that it has not sent. */
  unsent(sender: string, topic: string, last: number): void {
    if (!this.inbox.unsent(sender, topic, last, performance.now())) {
      this.#options.refusals.count('notAskedFor')
    }
    this.#alarm.set()
  }

  close(): void {
    this.#isClosed = true
    this.#alarm.stop()
  }

  /** Counts a message whose fields are not what the protocol says. */
  countMalformedMessage({ reason, message }: MalformedFrameError): void {
    this.counters.messagesMalformed++
    this.#options.refusals.count(reason)
    debug('%s refuses a message: %s', this.#options.uid, message)
  }

  #onFrame(parts: Buffer[]): void {
    const [topicBytes, body] = parts
    if (topicBytes === undefined || body === undefined || parts.length !== 2) {
      return this.#refuse(new MalformedFrameError('it is not of two parts'))
    }
    const { topics, following } = this.#options
    let topic = this.#subscribed.find(({ bytes }) => topicBytes.equals(bytes))?.topic
    if (topic === undefined) {
      const bucket = topics.readBucket(topicBytes)
      if (bucket === undefined) {
        return this.#refuse(new MalformedFrameError('it is on a topic that we do not know'))
      }
      if (!following.follows(bucket)) return // it was on its way when we left
      topic = topics.bucket(bucket)
    }
    try {
      this.#read(topic, body)
    } catch (error) {
      if (error instanceof UnknownVersionError) this.counters.framesUnknownVersion++
      else if (error instanceof MalformedFrameError) this.#refuse(error)
      else this.#options.onError(error as Error)
    }
  }

  #read(topic: string, body: Buffer): void {
    const reader = new MsgpackReader(body)
    const { uid, seq, requires } = readHeader(reader)
    if (uid === this.#options.uid) {
      if (topic !== this.#options.ownTopic) return
      // we say nothing to ourselves but marks and probes
      if (seq === 0) this.#onOwn(readMessages(reader, uid))
      else this.#options.refusals.count('ownName')
      return
    }
    this.counters.framesReceived++
    this.counters.bytesReceived += body.length
    if (seq === 0) this.#onUnnumbered(uid, readMessages(reader, uid))
    else if (!this.#isNumbered(topic)) {
      throw new MalformedFrameError('a number for control messages')
    } else this.#onNumbered(topic, uid, seq, reader, requires)
  }

  /** Takes a frame whose header has been read. Returns whether it is new. */
  #onNumbered(
    topic: string,
    uid: string,
    seq: number,
    reader: MsgpackReader,
    requires: readonly number[] | undefined,
  ): boolean {
    if (this.inbox.has(uid, topic, seq)) {
      this.counters.framesDuplicate++
      this.inbox.repeated(uid, topic, seq, performance.now())
      return false
    }
    const messages = this.#messagesOf(reader, uid)
    const bytes = reader.buf.length
    const now = performance.now()
    const verdict = this.inbox.receive(uid, topic, seq, messages, bytes, now, requires)
    if (verdict === 'refused') this.#options.refusals.count('tooFarAhead')
    if (verdict !== 'delivered' || this.inbox.isWaiting) this.#alarm.set()
    return messages.length > 0
  }

  /** None of a frame that cannot be read: its sender would say it again as it is. */
  #messagesOf(reader: MsgpackReader, uid: string): IncomingMessages {
    try {
      return readMessages(reader, uid)
    } catch (error) {
      this.#refuse(error as MalformedFrameError)
      return noMessages(reader, uid)
    }
  }

  /** Control messages, and what is said by senders that do not number their frames. */
  #onUnnumbered(uid: string, messages: IncomingMessages): void {
    for (let i = 0; i < messages.length; i++) {
      const message = messages.at(i)
      const control = readControl(message)
      if (control === undefined) this.#hand(message)
      else if (control.type === ControlType.REPAIR) this.#onRepair(uid, control.topic, control.body)
      else if (!isForOneself(control)) this.#options.onControl(uid, control)
    }
  }

  #onOwn(messages: IncomingMessages): void {
    for (const message of messages) {
      const control = readControl(message)
      if (control !== undefined && isForOneself(control)) {
        this.#options.onControl(this.#options.uid, control)
      } else this.#options.refusals.count('ownName')
    }
  }

  #onRepair(sender: string, topic: string, body: Buffer): void {
    const reader = new MsgpackReader(body)
    const { uid, seq, requires } = readHeader(reader)
    if (uid !== sender || seq === 0 || !this.#isNumbered(topic)) {
      throw new MalformedFrameError('the repair of a frame that was not for us')
    }
    if (!this.#isFollowed(topic)) return // we have left meanwhile
    if (this.#onNumbered(topic, uid, seq, reader, requires)) this.counters.framesRepaired++
  }

  #ask(sender: string, topic: string): void {
    const ageMs = this.#starts.ageToAskAbout(sender, topic, performance.now())
    // one whose age is not known tells it with every digest
    const about = ageMs === undefined ? {} : { about: { topic, ageMs } }
    this.#requests.add(sender, { type: ControlType.ASK, ...about })
  }

  /** Whether frames on a topic that we hear have numbers; those on buckets have. */
  #isNumbered(topic: string): boolean {
    const { subscribed, controlTopic, topics } = this.#options
    if (topic === controlTopic) return false
    return subscribed.includes(topic) || topics.readBucket(topic) !== undefined
  }

  /** Whether we hear a topic on which frames have numbers. */
  #isFollowed(topic: string): boolean {
    if (!this.#isNumbered(topic)) return false
    const bucket = this.#options.topics.readBucket(topic)
    return bucket === undefined || this.#options.following.follows(bucket)
  }

  #refuse({ reason, message }: MalformedFrameError): void {
    this.counters.framesMalformed++
    this.#options.refusals.count(reason)
    debug('%s refuses a frame: %s', this.#options.uid, message)
  }

  #deliver(messages: IncomingMessages): void {
    for (let i = 0; i < messages.length; i++) this.#hand(messages.at(i))
  }

  #hand(message: IncomingMessage): void {
    this.counters.messagesReceived++
    try {
      this.#options.onMessage(message)
    } catch (error) {
      if (error instanceof MalformedFrameError) this.countMalformedMessage(error)
      else this.#options.onError(error as Error)
    }
  }
}

function isForOneself(control: Control): control is Extract<Control, ForOneself> {
  return control.type === ControlType.MARK || control.type === ControlType.PROBE
}
