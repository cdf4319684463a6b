import { setTimeout as sleep } from 'node:timers/promises'
import type { XPublisher } from 'zeromq'
import { writeHeader } from '../wire/frame.js'
import { MsgpackWriter } from '../wire/msgpack.js'
import { MessageTooLargeError } from './errors.js'
import type { Journal, OutgoingFrame, Overflow } from './journal.js'

/** A frame goes out when it has grown to this, or at the end of the turn of the event loop. */
const FLUSH_BYTES = 64 * 1024
/** What a frame's header takes at most: `[1, uid, seq]`. */
const MAX_HEADER_BYTES = 32
/** Milliseconds to wait when ZeroMQ's queue to the broker is full. */
const BACK_OFF_MS = 2

/** How many topics' sequences are remembered after there is nobody left to speak to on them. */
const MAX_IDLE_SEQUENCES = 65_536

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
  /** Called when messages had to be given up. */
  onOverflow(overflow: Overflow): void
  /** Called when a frame cannot be sent, for a reason that is not ours. */
  onError(error: Error): void
}

/**
 * The way out: messages are gathered into one frame per topic and turn of the event loop, numbered,
 * put into the journal, and sent from there one after the other while the link is up.
 */
export class Outgoing {
  readonly #options: OutgoingOptions
  readonly #batches = new Map<string, Batch>()
  /** The number of the last frame begun, by topic. */
  readonly #seqs = new Map<string, number>()
  /** The batches with messages in them, in the order in which they were begun. */
  #open: Batch[] = []
  #flushIsScheduled = false
  #linkIsUp = false
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
    let messages = this.#options.journal.messages
    for (const batch of this.#open) messages += batch.messages
    return messages
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
    const { maxMessageBytes } = this.#options
    if (size > maxMessageBytes - MAX_HEADER_BYTES) {
      this.#takeBack(batch, start)
      throw new MessageTooLargeError(
        `a message of ${size} bytes is larger than the ${maxMessageBytes} that may be sent: ` +
          'send less at once, or raise maxMessageBytes here and --max-message-size at the brokers',
      )
    }
    if (writer.length > maxMessageBytes) {
      // it fits, but not behind what stands in the frame already
      const message = writer.copy(start)
      writer.truncate(start)
      this.#finish(batch)
      this.#begin(batch)
      writer.raw(message)
    }
    batch.messages++
    if (writer.length >= FLUSH_BYTES) {
      this.#finish(batch)
      this.#send()
    } else if (!this.#flushIsScheduled) {
      this.#flushIsScheduled = true
      setImmediate(this.flush)
    }
  }

  /** Gives back what a topic took, for as long as nothing is said on it. */
  rest(topic: string): void {
    if (this.#batches.get(topic)?.messages === 0) this.#batches.delete(topic)
  }

  /** Ends the frames in the making and sends what can be sent, without waiting for the turn's end. */
  flush = (): void => {
    this.#flushIsScheduled = false
    const open = this.#open
    this.#open = []
    for (const batch of open) this.#store(batch)
    this.#send()
  }

  linkUp(): void {
    this.#linkIsUp = true
    this.#send()
  }

  linkDown(): void {
    this.#linkIsUp = false
  }

  /**
   * Sends one frame past the journal: the bus's own way to try a link that is not up yet. Does
   * nothing while another frame is being sent.
   */
  async probe(topic: string, write: (writer: MsgpackWriter) => void): Promise<void> {
    if (this.#isSending) return
    const batch = this.#batch(topic)
    if (batch.messages > 0) this.#finish(batch)
    this.#begin(batch)
    write(batch.writer)
    this.#open.pop()
    const frame = this.#cut(batch)
    this.#isSending = true
    try {
      await this.#transmit({ ...frame, messages: 0 })
    } finally {
      this.#isSending = false
    }
    this.#send()
  }

  close(): void {
    this.#isClosed = true
    this.#linkIsUp = false
  }

  #batch(topic: string): Batch {
    let batch = this.#batches.get(topic)
    if (batch === undefined) {
      batch = { topic, writer: new MsgpackWriter(), messages: 0 }
      this.#batches.set(topic, batch)
    }
    return batch
  }

  #begin(batch: Batch): void {
    writeHeader(batch.writer, this.#options.uid, this.#nextSeq(batch.topic))
    this.#open.push(batch)
  }

  #nextSeq(topic: string): number {
    const seq = (this.#seqs.get(topic) ?? 0) + 1
    this.#seqs.set(topic, seq)
    if (seq === 1 && this.#seqs.size > MAX_IDLE_SEQUENCES) {
      for (const other of this.#seqs.keys()) {
        if (this.#batches.has(other)) continue
        this.#seqs.delete(other)
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
  }

  /** Ends a frame before the turn is over. */
  #finish(batch: Batch): void {
    this.#open = this.#open.filter((other) => other !== batch)
    this.#store(batch)
  }

  #store(batch: Batch): void {
    const overflow = this.#options.journal.append(this.#cut(batch))
    if (overflow !== undefined) this.#options.onOverflow(overflow)
  }

  #cut(batch: Batch): OutgoingFrame {
    const frame = { topic: batch.topic, body: batch.writer.copy(), messages: batch.messages }
    batch.writer.truncate(0)
    batch.messages = 0
    return frame
  }

  /** Sends what the journal holds, one frame at a time: a second send would fail with EBUSY. */
  async #send(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    const { journal } = this.#options
    while (this.#linkIsUp) {
      const frame = journal.peek()
      if (frame === undefined) break
      const isDone = await this.#transmit(frame)
      // while we waited, the journal may have given it up for newer ones
      if (isDone && journal.peek() === frame) journal.take()
      if (!isDone) await sleep(BACK_OFF_MS)
    }
    this.#isSending = false
  }

  /** Returns false if the frame must be tried again, since ZeroMQ's queue to the broker is full. */
  async #transmit(frame: OutgoingFrame): Promise<boolean> {
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
