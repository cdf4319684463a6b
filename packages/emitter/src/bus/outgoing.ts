import { setTimeout as sleep } from 'node:timers/promises'
import type { XPublisher } from 'zeromq'
import { writeHeader } from '../wire/frame.js'
import { MsgpackWriter } from '../wire/msgpack.js'
import { Batch } from './batch.js'
import type { Directing, Run } from './directing.js'
import { MessageTooLargeError } from './errors.js'
import type { Frame, Journal, Overflow } from './journal.js'
import { Requirements } from './requirements.js'
import { NoSequences, type Passed, Sequences } from './sequences.js'

/** A frame goes out when it has grown to this, or at the end of the turn of the event loop. */
const FLUSH_BYTES = 64 * 1024
/** What may stand round a message at most: the header `[1, uid, seq]`, and a repair's topic. */
const MAX_OVERHEAD_BYTES = 512
/** How many buckets a frame to everyone names at most, and what one of them takes at most. */
const MAX_REQUIRED = 256
const MAX_REQUIRED_BYTES = 12
/** Milliseconds to wait when ZeroMQ's queue to the broker is full. */
const BACK_OFF_MS = 2
/** Bytes of control frames that may wait; what is beyond will be asked for again. */
const MAX_CONTROL_BYTES = 16 * 1024 * 1024

/** How messages may go to the buckets of their addresses, instead of to everyone. */
interface Buckets {
  directing: Directing
  /** The topic of a bucket. */
  topic(bucket: number): string
  isTopic(topic: string): boolean
}

export interface OutgoingOptions {
  uid: string
  socket: XPublisher
  journal: Journal
  maxMessageBytes: number
  /**
   * Milliseconds after a frame in which the next one gathers messages over several turns of the event
   * loop, as long as each turn adds some.
   */
  gatherMs: number
  /** The topic on which something is said again and again. */
  steadyTopic: string
  buckets: Buckets
  /** Whether frames are numbered. */
  isNumbered: boolean
  /**
   * Called with each numbered frame that has been sent, or that is given up and might be missed by
   * those who get what was said after it.
   */
  onSent(topic: string): void
  /** Called when messages had to be given up. */
  onOverflow(overflow: Overflow): void
  /** Called when a frame cannot be sent, for a reason that is not ours. */
  onError(error: Error): void
}

/**
 * The way out: messages are gathered into one frame per topic and turn of the event loop, or a few
 * turns where much is said, numbered, put into the journal, and sent from there one after the other
 * while the link is up. The bus's own control messages are not numbered, and pass by what waits in the
 * journal.
 */
export class Outgoing {
  readonly #options: OutgoingOptions
  readonly #batches = new Map<string, Batch>()
  readonly #sequences: Sequences
  readonly #requirements = new Requirements()
  readonly #maxRequired: number
  /** The batches with messages in them, in the order in which they were begun. */
  #open: Batch[] = []
  #control: Frame[] = []
  #controlBytes = 0
  readonly #frameWriter = new MsgpackWriter()
  #flushIsScheduled = false
  #flushedAt = Number.NEGATIVE_INFINITY
  /** Messages said. */
  #said = 0
  #saidLastTurn = 0
  #mayControl = false
  #mayData = false
  #isSending = false
  #isClosed = false
  framesSent = 0
  messagesSent = 0
  bytesSent = 0
  /** Frames sent to a bucket, instead of to everyone. */
  framesDirected = 0

  constructor(options: OutgoingOptions) {
    this.#options = options
    const { steadyTopic, buckets, maxMessageBytes, isNumbered } = options
    const Numbers = isNumbered ? Sequences : NoSequences
    this.#sequences = new Numbers((topic) => topic === steadyTopic || buckets.isTopic(topic))
    this.#maxRequired = Math.min(
      MAX_REQUIRED,
      Math.floor((maxMessageBytes - MAX_OVERHEAD_BYTES) / MAX_REQUIRED_BYTES),
    )
  }

  /** Messages that have been said and not sent. */
  get held(): number {
    let messages = this.#options.journal.messagesHeld
    for (const batch of this.#open) messages += batch.messages
    return messages
  }

  /** The highest seq that any frame on a topic has, sent or not; 0 if there is none. */
  lastNumbered(topic: string): number {
    return this.#sequences.last(topic)
  }

  /** The seq of the last frame that has been sent on a topic, or given up; 0 if none has. */
  lastSent(topic: string): number {
    return this.#sequences.lastPassed(topic)
  }

  /** The same, and when it was. */
  lastFrame(topic: string): Passed | undefined {
    return this.#sequences.passed(topic)
  }

  /** The topics of the buckets to which something was said. */
  *bucketTopics(): IterableIterator<string> {
    for (const topic of this.#sequences.steadyTopics()) {
      if (this.#options.buckets.isTopic(topic)) yield topic
    }
  }

  /** Whether anything has been sent that is not for one process alone. */
  get hasSpoken(): boolean {
    return this.framesDirected > 0 || this.lastSent(this.#options.steadyTopic) > 0
  }

  /**
   * Says a message.
   * @param topic - on which it is said
   * @param write - writes the message, one MessagePack array
   * @param bucket - on whose topic it may be said instead of the steady one, if that is cheaper
   * @throws MessageTooLargeError, and whatever `write` throws; nothing has been said then
   */
  say(topic: string, write: (writer: MsgpackWriter) => void, bucket?: number): void {
    const batch = this.#batch(topic)
    const { writer } = batch
    if (batch.messages === 0) this.#begin(batch)
    const start = writer.length
    try {
      write(writer)
    } catch (error) {
      this.#takeBack(batch, start)
      throw error
    }
    const size = writer.length - start
    const maxBytes = this.#options.maxMessageBytes - MAX_OVERHEAD_BYTES
    if (size > maxBytes) {
      this.#takeBack(batch, start)
      throw new MessageTooLargeError(
        `a message of ${size} bytes is larger than the ${maxBytes} that may be sent: ` +
          'send less at once, or raise maxMessageBytes here and --max-message-size at the brokers',
      )
    }
    if (writer.length > this.#options.maxMessageBytes - MAX_OVERHEAD_BYTES / 2) {
      // it fits, but not behind what stands in the frame already
      const message = writer.copy(start)
      writer.truncate(start)
      this.#finish(batch)
      this.#begin(batch)
      writer.raw(message)
    }
    batch.add(bucket)
    this.#said++
    if (writer.length >= FLUSH_BYTES) {
      this.#finish(batch)
      this.#send()
    } else if (!this.#flushIsScheduled) {
      this.#flushIsScheduled = true
      setImmediate(this.#endTurn)
    }
  }

  /** Says a control message behind all that has been said; it is not numbered. */
  sayLast(topic: string, write: (writer: MsgpackWriter) => void): void {
    this.flush()
    this.#store(this.#controlFrame(topic, write))
    this.#send()
  }

  /** Says a control message before all that waits; it is not numbered, and not kept. */
  sayFirst(topic: string, write: (writer: MsgpackWriter) => void): void {
    if (!this.#mayControl) return
    const frame = this.#controlFrame(topic, write)
    if (this.#controlBytes + frame.body.length > MAX_CONTROL_BYTES) return
    this.#control.push(frame)
    this.#controlBytes += frame.body.length
    this.#send()
  }

  #endTurn = (): void => {
    const { gatherMs } = this.#options
    const mayGather = this.#mayData && performance.now() - this.#flushedAt < gatherMs
    if (!mayGather || this.#said === this.#saidLastTurn) return this.flush()
    this.#saidLastTurn = this.#said
    setImmediate(this.#endTurn)
  }

  /** Ends the frames in the making and sends what can be sent, without waiting for the turn's end. */
  flush = (): void => {
    this.#flushIsScheduled = false
    this.#flushedAt = performance.now()
    const open = this.#open
    this.#open = []
    for (const batch of open) this.#end(batch)
    this.#send()
  }

  /** A broker is there: control messages may go out. */
  linkProbing(): void {
    this.#mayControl = true
  }

  /** The link is up: everything may go out. */
  linkUp(): void {
    this.#mayData = true
    this.#send()
  }

  linkDown(): void {
    this.#mayControl = false
    this.#mayData = false
    this.#control = []
    this.#controlBytes = 0
  }

  close(): void {
    this.#isClosed = true
    this.linkDown()
  }

  #batch(topic: string): Batch {
    return this.#batches.get(topic) ?? new Batch(topic)
  }

  #begin(batch: Batch): void {
    const { uid, steadyTopic, buckets } = this.#options
    const { topic, writer } = batch
    const isSteady = topic === steadyTopic
    const requires = isSteady ? this.#requirements.ofEveryone() : undefined
    writeHeader(writer, uid, this.#sequences.next(topic), requires)
    batch.start = writer.length
    batch.runs = isSteady && buckets.directing.mayPay ? [] : undefined
    this.#batches.set(topic, batch)
    this.#open.push(batch)
  }

  #takeBack(batch: Batch, length: number): void {
    if (batch.messages > 0) return batch.writer.truncate(length)
    // the frame was begun for this message, and its number goes to the next
    batch.writer.truncate(0)
    this.#sequences.takeBack(batch.topic)
    this.#open.pop()
    this.#rest(batch)
  }

  /** Ends a frame before the turn is over. */
  #finish(batch: Batch): void {
    this.#open = this.#open.filter((other) => other !== batch)
    this.#end(batch)
  }

  #end(batch: Batch): void {
    const { directing } = this.#options.buckets
    const { runs, start, messages } = batch
    const isDirected =
      runs !== undefined && messages > 0 && directing.pays(start, runs, performance.now())
    if (isDirected) this.#direct(batch, runs)
    else this.#store(this.#cut(batch))
    this.#rest(batch)
  }

  /** Makes a frame for each bucket of what would have been one frame for everyone. */
  #direct(batch: Batch, runs: readonly Run[]): void {
    this.#sequences.takeBack(batch.topic)
    let from = batch.start
    for (const { bucket, end, messages } of runs) {
      const topic = this.#options.buckets.topic(bucket)
      const seq = this.#sequences.next(topic)
      const bytes = batch.writer.view(from, end)
      const body = this.#makeBody(seq, this.#requirements.ofBucket(), (writer) => writer.raw(bytes))
      this.#requirements.saidToBucket(bucket, seq)
      this.#store({ topic, seq, body, messages })
      if (this.#requirements.size >= this.#maxRequired) this.#sayRequirements()
      from = end
    }
    batch.clear()
  }

  /** A frame to everyone without a message, since what the next one requires has grown to its bound. */
  #sayRequirements(): void {
    const topic = this.#options.steadyTopic
    const seq = this.#sequences.next(topic)
    const body = this.#makeBody(seq, this.#requirements.ofEveryone(), () => {})
    this.#requirements.saidToEveryone(seq)
    this.#store({ topic, seq, body, messages: 0 })
  }

  /** One answer is often all that is said to a node, and the uids come from the network. */
  #rest({ topic }: Batch): void {
    if (topic !== this.#options.steadyTopic) this.#batches.delete(topic)
  }

  #cut(batch: Batch): Frame {
    const { topic, writer, messages } = batch
    const seq = this.#sequences.last(topic)
    if (topic === this.#options.steadyTopic) this.#requirements.saidToEveryone(seq)
    const frame = { topic, seq, body: writer.copy(), messages }
    batch.clear()
    return frame
  }

  #controlFrame(topic: string, write: (writer: MsgpackWriter) => void): Frame {
    return { topic, seq: 0, body: this.#makeBody(0, undefined, write), messages: 0 }
  }

  #makeBody(
    seq: number,
    requires: readonly number[] | undefined,
    write: (writer: MsgpackWriter) => void,
  ): Buffer {
    const writer = this.#frameWriter
    writer.truncate(0)
    writeHeader(writer, this.#options.uid, seq, requires)
    write(writer)
    return writer.copy()
  }

  #store(frame: Frame): void {
    const overflow = this.#options.journal.append(frame, performance.now(), this.#onGivenUp)
    if (overflow !== undefined) this.#options.onOverflow(overflow)
  }

  /** What others may require of it is given up, too: they are told that it was said. */
  readonly #onGivenUp = ({ topic, seq }: Frame): void => {
    if (seq === 0 || !this.#sequences.isSteady(topic)) return
    this.#sequences.pass(topic, seq, performance.now())
    this.#options.onSent(topic)
  }

  /** Sends what may be sent, one frame at a time: a second send would fail with EBUSY. */
  async #send(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    const { journal } = this.#options
    while (this.#mayControl) {
      const control = this.#control[0]
      const frame = control ?? (this.#mayData ? journal.next() : undefined)
      if (frame === undefined) break
      const isDone = await this.#transmit(frame)
      if (!isDone) await sleep(BACK_OFF_MS)
      else if (control === undefined) this.#onSent(frame)
      else if (this.#control[0] === control) {
        this.#control.shift()
        this.#controlBytes -= control.body.length
      }
    }
    this.#isSending = false
  }

  #onSent(frame: Frame): void {
    const { journal, onSent } = this.#options
    const now = performance.now()
    journal.markSent(frame, now)
    if (frame.seq === 0) return
    this.#sequences.pass(frame.topic, frame.seq, now)
    onSent(frame.topic)
  }

  /** Returns false if the frame must be tried again, since ZeroMQ's queue to the broker is full. */
  async #transmit(frame: Frame): Promise<boolean> {
    try {
      await this.#options.socket.send([frame.topic, frame.body])
    } catch (error) {
      if (this.#isClosed || (error as NodeJS.ErrnoException).code === 'EAGAIN') return false
      this.#options.onError(error as Error)
      return true
    }
    this.framesSent++
    this.messagesSent += frame.messages
    this.bytesSent += frame.body.length
    if (frame.seq > 0 && this.#options.buckets.isTopic(frame.topic)) this.framesDirected++
    return true
  }
}
