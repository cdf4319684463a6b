import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import createDebug from 'debug'
import {
  BusMessageType,
  type IncomingMessage,
  readHeader,
  readMessages,
  UnknownVersionError,
} from '../wire/frame.js'
import { MalformedFrameError, MsgpackReader, type MsgpackWriter } from '../wire/msgpack.js'
import { Topics, UID_LENGTH } from '../wire/topics.js'
import { ClosedError, FlushTimeoutError, JournalOverflowError, NoBrokerError } from './errors.js'
import { Inbox } from './inbox.js'
import { Journal } from './journal.js'
import { Link } from './link.js'
import { Members } from './members.js'
import type { ResolvedBusOptions } from './options.js'
import { Outgoing } from './outgoing.js'
import { type BusSockets, makeSockets } from './sockets.js'

const debug = createDebug('socket.io-zeromq:bus')

/** How long to wait for a broker before saying that there is none. */
const NO_BROKER_WARNING_MS = 5_000
/** How long a mark that tries the link may take before another is sent. */
const PROBE_INTERVAL_MS = 250
/** How long a vanished subscription may turn out to be a lost link. */
const SETTLE_MS = 25
/** How many senders the inbox remembers. */
const MAX_SENDERS = 16_384
/** How long received frames may keep the event loop from everything else. */
const MAX_TURN_MS = 4

/** What a bus tells; every event but `error` may be ignored. */
export interface BusEvents {
  /** The way to a broker and back is open. */
  'link:up': []
  /** The way to every broker is closed; what is said waits. */
  'link:down': []
  /** A node has joined the cluster. */
  'member:join': [uid: string]
  /** A node has left the cluster, or died. */
  'member:leave': [uid: string]
  /** Something went wrong. Without a listener it becomes a process warning. */
  error: [error: Error]
}

/** Counters since the start, and the state of the moment. */
export interface BusStats {
  link: 'up' | 'down'
  /** Other nodes in the cluster. */
  members: number
  framesSent: number
  messagesSent: number
  bytesSent: number
  /** Frames of others that were for us, duplicates included. */
  framesReceived: number
  messagesReceived: number
  bytesReceived: number
  /** Messages that wait to be sent. */
  messagesHeld: number
  /** Bytes of the frames that wait to be sent. */
  journalBytes: number
  /** Messages given up because more waited than the journal holds. */
  messagesDropped: number
  /** Frames that had come before. */
  framesDuplicate: number
  /** Frames of others that are known to be lost. */
  framesLost: number
  /** Frames refused because they are not what the protocol says. */
  framesMalformed: number
  /** Frames refused because they are in an unknown version of the protocol. */
  framesUnknownVersion: number
  /** Messages refused because their fields are not what the protocol says. */
  messagesMalformed: number
}

/** A node is a member and hears what is said to everyone; an emitter only speaks. */
export type BusKind = 'node' | 'emitter'

interface FlushWaiter {
  token: number
  /** How many messages had been said. */
  said: number
  resolve(): void
}

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
  readonly #onMessage: (message: IncomingMessage) => void
  readonly #ownTopic: string
  /** The topics that we have subscribed to, as they stand in frames. */
  readonly #subscriptions: readonly { topic: string; bytes: Buffer }[]
  readonly #sockets: BusSockets
  readonly #journal: Journal
  readonly #outgoing: Outgoing
  readonly #inbox = new Inbox(MAX_SENDERS)
  readonly #link = new Link()
  readonly #members: Members
  readonly #counters = {
    framesReceived: 0,
    messagesReceived: 0,
    bytesReceived: 0,
    messagesDropped: 0,
    framesDuplicate: 0,
    framesMalformed: 0,
    framesUnknownVersion: 0,
    messagesMalformed: 0,
  }
  #said = 0
  #confirmed = 0
  #lastToken = 0
  #flushWaiters: FlushWaiter[] = []
  #memberTimer: NodeJS.Timeout | undefined
  #probeTimer: NodeJS.Timeout | undefined
  #noBrokerTimer: NodeJS.Timeout | undefined
  #overflowWasReported = false
  #closing: Promise<void> | undefined
  #isClosed = false
  readonly #ready: Promise<void>
  #resolveReady!: () => void
  #rejectReady!: (error: Error) => void

  /**
   * @param onMessage - called with each message of others, in order; what it throws is reported and
   *   stops nothing. A MalformedFrameError counts as a malformed message.
   * @throws OptionError if ZeroMQ refuses an endpoint
   */
  constructor(
    kind: BusKind,
    options: ResolvedBusOptions,
    onMessage: (message: IncomingMessage) => void,
  ) {
    super()
    this.#options = options
    this.#onMessage = onMessage
    this.topics = new Topics(options.key)
    this.#ownTopic = kind === 'node' ? this.topics.node(this.uid) : this.topics.emitter(this.uid)
    // everyone's topic first, so that a node which is seen to be a member hears it already
    this.#subscriptions = (
      kind === 'node' ? [this.topics.everyone, this.#ownTopic] : [this.#ownTopic]
    ).map((topic) => ({ topic, bytes: Buffer.from(topic, 'latin1') }))
    this.#journal = new Journal(options.maxJournalBytes)
    this.#members = new Members(options.memberGraceMs, SETTLE_MS)
    this.#ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve
      this.#rejectReady = reject
    })
    this.#ready.catch(() => {}) // nobody has to ask
    this.#sockets = makeSockets(options)
    this.#outgoing = new Outgoing({
      uid: this.uid,
      socket: this.#sockets.pub,
      journal: this.#journal,
      maxMessageBytes: options.maxMessageBytes,
      onOverflow: ({ messages }) => this.#onOverflow(messages),
      onError: (error) => this.report(error),
    })
    this.#start()
  }

  #start(): void {
    const { sub, connect } = this.#sockets
    for (const { topic } of this.#subscriptions) sub.subscribe(topic)
    try {
      connect()
    } catch (error) {
      this.#shut()
      throw error
    }
    debug('%s starts, own topic %s', this.uid, this.#ownTopic)
    this.#receiveNotices().catch((error) => this.#onLoopEnd(error))
    this.#receiveFrames().catch((error) => this.#onLoopEnd(error))
    this.#noBrokerTimer = setTimeout(() => this.#warnOfNoBroker(), NO_BROKER_WARNING_MS)
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
   * @throws MessageTooLargeError, ClosedError, and whatever `write` throws
   */
  say(topic: string, write: (writer: MsgpackWriter) => void): void {
    if (this.#isClosed) throw closedError()
    this.#outgoing.say(topic, write)
    this.#said++
  }

  /**
   * Resolves when all that was said before has passed a broker.
   * @throws FlushTimeoutError after `closeTimeoutMs`, ClosedError
   */
  async flush(): Promise<void> {
    if (this.#isClosed) throw closedError()
    if (this.#said === this.#confirmed) return
    const { closeTimeoutMs } = this.#options
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const count = this.#said - this.#confirmed
        reject(
          new FlushTimeoutError(
            `${count} ${count === 1 ? 'message' : 'messages'} may not have reached a broker within ` +
              `${closeTimeoutMs} ms (the link is ${this.#link.isUp ? 'up' : 'down'})`,
          ),
        )
      }, closeTimeoutMs)
    })
    const confirmed = new Promise<void>((resolve) => {
      const token = this.#nextToken()
      this.#flushWaiters.push({ token, said: this.#said, resolve })
      this.#sayMark(token)
    })
    try {
      await Promise.race([confirmed, timeout])
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Flushes and leaves the cluster. The bus is closed afterwards even if it throws.
   * @throws FlushTimeoutError
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  stats(): BusStats {
    return {
      link: this.#link.isUp ? 'up' : 'down',
      members: this.#members.size,
      framesSent: this.#outgoing.framesSent,
      messagesSent: this.#outgoing.messagesSent,
      bytesSent: this.#outgoing.bytesSent,
      messagesHeld: this.#outgoing.held,
      journalBytes: this.#journal.bytes,
      framesLost: this.#inbox.lost,
      ...this.#counters,
    }
  }

  /** Tells of an error: to the listeners of `error`, or as a process warning if there are none. */
  report(error: Error): void {
    debug('%s error: %s', this.uid, error.message)
    if (this.listenerCount('error') > 0) this.emit('error', error)
    else process.emitWarning(error)
  }

  /** Counts a message whose fields are not what the protocol says. */
  countMalformedMessage(reason: string): void {
    this.#counters.messagesMalformed++
    debug('%s refuses a message: %s', this.uid, reason)
  }

  async #close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      this.#shut()
    }
  }

  #shut(): void {
    this.#isClosed = true
    clearTimeout(this.#noBrokerTimer)
    clearTimeout(this.#memberTimer)
    clearInterval(this.#probeTimer)
    this.#outgoing.close()
    this.#sockets.sub.close()
    this.#sockets.pub.close()
    this.#rejectReady(closedError())
    debug('%s is closed', this.uid)
  }

  /** The cluster's subscriptions, as the brokers pass them on to publishers. */
  async #receiveNotices(): Promise<void> {
    for (;;) {
      const [notice] = await this.#sockets.pub.receive()
      if (notice === undefined || notice.length < 2) continue
      const topic = this.topics.parse(notice.toString('latin1', 1))
      if (topic.kind !== 'node' && topic.kind !== 'emitter') continue
      const hasAppeared = notice[0] === 1
      if (topic.uid === this.uid) this.#onOwnTopic(hasAppeared)
      else if (topic.kind === 'node') this.#onNode(topic.uid, hasAppeared)
    }
  }

  async #receiveFrames(): Promise<void> {
    const { sub } = this.#sockets
    let turnBegan = performance.now()
    for (;;) {
      const parts = await sub.receive()
      this.#onFrame(parts)
      const now = performance.now()
      if (now - turnBegan > MAX_TURN_MS) {
        await nextTurn()
        turnBegan = performance.now()
      }
    }
  }

  #onLoopEnd(error: Error): void {
    // closing a socket ends its loop with an error
    if (!this.#isClosed) this.report(error)
  }

  #onFrame([topicBytes, body]: Buffer[]): void {
    const topic = this.#subscriptions.find(({ bytes }) => topicBytes?.equals(bytes))?.topic
    if (topic === undefined || body === undefined) {
      return this.#refuseFrame('it is not of two parts, or on a topic that we do not know')
    }
    const reader = new MsgpackReader(body)
    let messages: IncomingMessage[]
    try {
      const { uid, seq } = readHeader(reader)
      if (uid === this.uid) {
        if (topic === this.#ownTopic) this.#onOwnMessages(readMessages(reader, uid))
        return
      }
      messages = readMessages(reader, uid)
      this.#counters.framesReceived++
      this.#counters.bytesReceived += body.length
      if (this.#inbox.receive(uid, topic, seq) === 'duplicate') {
        this.#counters.framesDuplicate++
        return
      }
    } catch (error) {
      if (error instanceof UnknownVersionError) this.#counters.framesUnknownVersion++
      else if (error instanceof MalformedFrameError) this.#refuseFrame(error.message)
      else this.report(error as Error)
      return
    }
    this.#counters.messagesReceived += messages.length
    for (const message of messages) this.#deliver(message)
  }

  #refuseFrame(reason: string): void {
    this.#counters.framesMalformed++
    debug('%s refuses a frame: %s', this.uid, reason)
  }

  #deliver(message: IncomingMessage): void {
    try {
      this.#onMessage(message)
    } catch (error) {
      if (error instanceof MalformedFrameError) this.countMalformedMessage(error.message)
      else this.report(error as Error)
    }
  }

  #onOwnMessages(messages: IncomingMessage[]): void {
    for (const { type, fields, reader } of messages) {
      if (type === BusMessageType.MARK && fields === 1) this.#onMark(reader.uint())
    }
  }

  #onMark(token: number): void {
    if (this.#link.markReturned(token)) this.#onLinkUp()
    while (this.#flushWaiters[0] !== undefined && this.#flushWaiters[0].token <= token) {
      const { said, resolve } = this.#flushWaiters.shift() as FlushWaiter
      this.#confirmed = Math.max(this.#confirmed, said)
      resolve()
    }
  }

  #nextToken(): number {
    return ++this.#lastToken
  }

  /** Sends a mark behind all that has been said. */
  #sayMark(token: number): void {
    this.#outgoing.flush()
    this.#outgoing.say(this.#ownTopic, (writer) => writeMark(writer, token))
    this.#outgoing.flush()
  }

  #onOwnTopic(hasAppeared: boolean): void {
    if (hasAppeared) {
      this.#link.ownTopicAppeared(this.#lastToken + 1)
      if (!this.#link.isProbing) return
      clearInterval(this.#probeTimer)
      this.#probeTimer = setInterval(() => this.#probe(), PROBE_INTERVAL_MS)
      this.#probe()
      return
    }
    clearInterval(this.#probeTimer)
    const wasUp = this.#link.ownTopicVanished()
    this.#outgoing.linkDown()
    this.#members.linkDown()
    if (wasUp) {
      debug('%s link down, %d members are kept', this.uid, this.#members.size)
      this.emit('link:down')
    }
  }

  /** Tries the link with a mark that passes by what waits. */
  #probe(): void {
    const token = this.#nextToken()
    this.#outgoing.probe(this.#ownTopic, (writer) => writeMark(writer, token))
  }

  #onLinkUp(): void {
    clearInterval(this.#probeTimer)
    clearTimeout(this.#noBrokerTimer)
    this.#members.linkUp(Date.now())
    this.#scheduleExpiry()
    debug('%s link up, %d messages were held', this.uid, this.#outgoing.held)
    this.#outgoing.linkUp()
    // the marks that were under way may be lost; one behind all of them speaks for them
    const last = this.#flushWaiters.at(-1)
    if (last !== undefined) this.#sayMark(last.token)
    this.#resolveReady()
    this.emit('link:up')
  }

  #onNode(uid: string, hasAppeared: boolean): void {
    if (hasAppeared) {
      if (!this.#members.appeared(uid)) return
      debug('%s sees %s join', this.uid, uid)
      this.emit('member:join', uid)
    } else {
      this.#members.vanished(uid, Date.now())
      this.#scheduleExpiry()
    }
  }

  #scheduleExpiry(): void {
    clearTimeout(this.#memberTimer)
    const next = this.#members.nextExpiry()
    if (next === undefined) return
    this.#memberTimer = setTimeout(
      () => {
        for (const uid of this.#members.expire(Date.now())) {
          debug('%s sees %s leave', this.uid, uid)
          this.#outgoing.rest(this.topics.node(uid))
          this.emit('member:leave', uid)
        }
        this.#scheduleExpiry()
      },
      Math.max(0, next - Date.now()),
    )
  }

  #onOverflow(messages: number): void {
    this.#counters.messagesDropped += messages
    if (this.#overflowWasReported) return
    this.#overflowWasReported = true
    this.report(
      new JournalOverflowError(
        `more waits for the link to a broker than the ${this.#options.maxJournalBytes} bytes of ` +
          'journal.maxBytes: the oldest messages are given up, and counted in ' +
          'stats().messagesDropped; start a broker, or raise the bound',
      ),
    )
  }

  #warnOfNoBroker(): void {
    const error = new NoBrokerError(noBrokerMessage(this.#options))
    process.emitWarning(error.message, { type: error.name, code: 'ZMQ_NO_BROKER' })
  }
}

function writeMark(writer: MsgpackWriter, token: number): void {
  writer.arrayHeader(2)
  writer.uint(BusMessageType.MARK)
  writer.uint(token)
}

function closedError(): ClosedError {
  return new ClosedError('the bus is closed: make a new one')
}

function noBrokerMessage({ brokers }: ResolvedBusOptions): string {
  const [first] = brokers
  if (first === undefined) {
    return (
      `no broker answered on the sockets given as pubClient and subClient within ` +
      `${NO_BROKER_WARNING_MS} ms; check that both are connected to a running zmq-broker`
    )
  }
  const where = brokers.map(({ pub, sub }) => `${pub} and ${sub}`).join(', ')
  const argument = (endpoint: string) => /^tcp:.*:(\d+)$/.exec(endpoint)?.[1] ?? endpoint
  return (
    `no broker answered at ${where} within ${NO_BROKER_WARNING_MS} ms; start one with: ` +
    `npx zmq-broker --pub ${argument(first.pub)} --sub ${argument(first.sub)}`
  )
}
