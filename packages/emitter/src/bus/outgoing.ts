import { setTimeout as sleep } from 'node:timers/promises'
import type { XPublisher } from 'zeromq'
import { writeHeader } from '../wire/frame.js'
import { MsgpackWriter } from '../wire/msgpack.js'
import { MessageTooLargeError } from './errors.js'
import type { Frame, Journal, Overflow } from './journal.js'

/** A frame goes out when it has grown to this, or at the end of the turn of the event loop. */
const FLUSH_BYTES = 64 * 1024
/** What may stand round a message at most: the header `[1, uid, seq]`, and a repair's topic. */
const MAX_OVERHEAD_BYTES = 512
/** Milliseconds to wait when ZeroMQ's queue to the broker is full. */
const BACK_OFF_MS = 2
/** How many topics' sequences are remembered. */
const MAX_SEQUENCES = 65_536
/** Bytes of control frames that may wait; what is beyond will be asked for again. */
const MAX_CONTROL_BYTES = 16 * 1024 * 1024

/** A frame in the making. */
interface Batch {
  readonly topic: string
  readonly writer: MsgpackWriter
  messages: number
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
  /** Called with each numbered frame that has been sent. */
  onSent(topic: string): void
  /** Called when messages had to be given up. */
  onOverflow(overflow: Overflow): void
  /** Called when a frame cannot be sent, for a reason that is not ours. */
  onError(error: Error): void
}

/**
 * The way out: messages are gathered into one frame per topic and turn of the event loop, or a few
 * turns where much is said, numbered,
 * put into the journal, and sent from there one after the other while the link is up. The bus's own
 * control messages are not numbered, and pass by what waits in the journal.
 */
export class Outgoing {
  readonly #options: OutgoingOptions
  readonly #batches = new Map<string, Batch>()
  /** The number of the last frame begun, by topic. */
  readonly #seqs = new Map<string, number>()
  /** The number of the last frame sent, by topic. */
  readonly #sentSeqs = new Map<string, number>()
  /** The batches with messages in them, in the order in which they were begun. */
  #open: Batch[] = []
  #control: Frame[] = []
  #controlBytes = 0
  readonly #controlWriter = new MsgpackWriter()
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

  constructor(options: OutgoingOptions) {
    this.#options = options
  }

  /** Messages that have been said and not sent. */
  get held(): number {
    let messages = this.#options.journal.messagesHeld
    for (const batch of this.#open) messages += batch.messages
    return messages
  }

  /** The highest seq that any frame on a topic has, sent or not; 0 if there is none. */
  lastNumbered(topic: string): number {
    return this.#seqs.get(topic) ?? 0
  }

  /** The seq of the last frame that has been sent on a topic, 0 if none has. */
  lastSent(topic: string): number {
    return this.#sentSeqs.get(topic) ?? 0
  }

  /**
   * Says a message.
   * @param topic - on which it is said
   * @param write - writes the message, one MessagePack array
   * @throws MessageTooLargeError, and whatever `write` throws; nothing has been said then
   */
  say(topic: string, write: (writer: MsgpackWriter) => void): void {
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
    batch.messages++
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
    return this.#batches.get(topic) ?? { topic, writer: new MsgpackWriter(), messages: 0 }
  }

  #begin(batch: Batch): void {
    writeHeader(batch.writer, this.#options.uid, this.#nextSeq(batch.topic))
    this.#batches.set(batch.topic, batch)
    this.#open.push(batch)
  }

  #nextSeq(topic: string): number {
    const seq = (this.#seqs.get(topic) ?? 0) + 1
    // to the end of the map's order, so that the topic unused for longest is forgotten
    this.#seqs.delete(topic)
    this.#seqs.set(topic, seq)
    if (this.#seqs.size > MAX_SEQUENCES) {
      for (const oldest of this.#seqs.keys()) {
        if (oldest === this.#options.steadyTopic) continue
        this.#seqs.delete(oldest)
        this.#sentSeqs.delete(oldest)
        break
      }
    }
    return seq
  }

  #takeBack(batch: Batch, length: number): void {
    if (batch.messages > 0) return batch.writer.truncate(length)
    // the frame was begun for this message, and its number goes to the next
    batch.writer.truncate(0)
    this.#seqs.set(batch.topic, (this.#seqs.get(batch.topic) as number) - 1)
    this.#open.pop()
    this.#rest(batch)
  }

  /** Ends a frame before the turn is over. */
  #finish(batch: Batch): void {
    this.#open = this.#open.filter((other) => other !== batch)
    this.#end(batch)
  }

  #end(batch: Batch): void {
    this.#store(this.#cut(batch))
    this.#rest(batch)
  }

  /** One answer is often all that is said to a node, and the uids come from the network. */
  #rest({ topic }: Batch): void {
    if (topic !== this.#options.steadyTopic) this.#batches.delete(topic)
  }

  #cut(batch: Batch): Frame {
    const { topic, writer, messages } = batch
    const frame = { topic, seq: this.#seqs.get(topic) as number, body: writer.copy(), messages }
    writer.truncate(0)
    batch.messages = 0
    return frame
  }

  #controlFrame(topic: string, write: (writer: MsgpackWriter) => void): Frame {
    const writer = this.#controlWriter
    writer.truncate(0)
    writeHeader(writer, this.#options.uid, 0)
    write(writer)
    return { topic, seq: 0, body: writer.copy(), messages: 0 }
  }

  #store(frame: Frame): void {
    const overflow = this.#options.journal.append(frame, performance.now())
    if (overflow !== undefined) this.#options.onOverflow(overflow)
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
    journal.markSent(frame, performance.now())
    if (frame.seq === 0) return
    this.#sentSeqs.set(frame.topic, frame.seq)
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
    return true
  }
}
