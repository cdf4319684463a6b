import { Slabs } from './slabs.js'

/** A frame as it was said. */
export interface Frame {
  readonly topic: string
  /** Its number in the sequence of its topic; 0 for one that stands outside and is not kept. */
  readonly seq: number
  readonly body: Buffer
  /** How many messages it carries. */
  readonly messages: number
}

export interface JournalOptions {
  /** Bytes of frames that are kept, sent or not. */
  maxBytes: number
  /** Milliseconds that a frame is kept after it was sent. */
  maxAgeMs: number
}

/** What the journal had to give up before it was sent. */
export interface Overflow {
  frames: number
  messages: number
}

interface Entry {
  frame: Frame
  /** When it was sent; `undefined` while it waits. */
  sentAt: number | undefined
}

const NOTHING = Buffer.alloc(0)

/**
 * A sender's bounded memory of its own frames, in the order in which they were said: those that wait
 * to be sent, and those sent that somebody may have missed. When the bytes pass the bound the oldest
 * go first, up to the newest; sent ones go by age too.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #entries = new Deque<Entry>()
  /** The entries of each topic, whose seqs follow each other without holes. */
  readonly #topics = new Map<string, Deque<Entry>>()
  /** The bodies of the frames that have been sent. */
  readonly #slabs = new Slabs()
  /** How many entries at the front have been sent. */
  #sent = 0
  #bytes = 0
  #messagesHeld = 0
  #framesHeld = 0

  constructor(options: JournalOptions) {
    this.#options = options
  }

  /** Bytes of all frames in it. */
  get bytes(): number {
    return this.#bytes
  }

  /** Messages that wait to be sent. */
  get messagesHeld(): number {
    return this.#messagesHeld
  }

  /** Frames that wait to be sent. */
  get framesHeld(): number {
    return this.#framesHeld
  }

  /** The topics of the frames in it. */
  topics(): IterableIterator<string> {
    return this.#topics.keys()
  }

  /**
   * Adds a frame that waits to be sent, and says what had to be given up for it.
   * @param onGivenUp - called with each frame that goes and was never sent
   */
  append(
    frame: Frame,
    now: number,
    onGivenUp: (frame: Frame) => void = () => {},
  ): Overflow | undefined {
    this.expire(now)
    const entry: Entry = { frame, sentAt: undefined }
    this.#entries.push(entry)
    this.#bytes += frame.body.length
    this.#framesHeld++
    this.#messagesHeld += frame.messages
    if (frame.seq > 0) {
      let topic = this.#topics.get(frame.topic)
      if (topic === undefined) {
        topic = new Deque()
        this.#topics.set(frame.topic, topic)
      }
      topic.push(entry)
    }
    if (this.#bytes <= this.#options.maxBytes) return undefined
    const overflow: Overflow = { frames: 0, messages: 0 }
    // the newest stays in any case: a frame larger than the bound must be sent, too
    while (this.#bytes > this.#options.maxBytes && this.#entries.size > 1) {
      const oldest = this.#shift()
      if (oldest === undefined) break
      if (oldest.sentAt !== undefined) continue
      overflow.frames++
      overflow.messages += oldest.frame.messages
      onGivenUp(oldest.frame)
    }
    return overflow.frames > 0 ? overflow : undefined
  }

  /** The next frame to be sent. */
  next(): Frame | undefined {
    return this.#entries.at(this.#sent)?.frame
  }

  /** The frame that was next has been sent. Does nothing if it was given up meanwhile. */
  markSent(frame: Frame, now: number): void {
    const entry = this.#entries.at(this.#sent)
    if (entry?.frame !== frame) return
    entry.sentAt = now
    this.#sent++
    this.#framesHeld--
    this.#messagesHeld -= frame.messages
    if (frame.seq === 0) this.#bytes -= frame.body.length
    const body = frame.seq === 0 ? NOTHING : this.#slabs.keep(frame.body)
    entry.frame = { ...frame, body }
  }

  /**
   * The frames of a topic that have been sent, from a seq to a seq. Their bodies are those of the
   * journal, and hold only until it is told of more.
   * @param maxBytes - how much is returned, though one frame at least
   * @returns `goneTo`: up to where they are not kept any more, or `from - 1` if they all are
   */
  find(
    topic: string,
    from: number,
    to: number,
    maxBytes: number,
  ): { frames: Frame[]; goneTo: number } {
    const entries = this.#topics.get(topic)
    const first = entries?.at(0)?.frame.seq ?? Number.POSITIVE_INFINITY
    const goneTo = Math.max(from - 1, Math.min(to, first - 1))
    const frames: Frame[] = []
    let bytes = 0
    for (let seq = goneTo + 1; seq <= to; seq++) {
      const entry = entries?.at(seq - first)
      if (entry?.sentAt === undefined) break
      bytes += entry.frame.body.length
      if (frames.length > 0 && bytes > maxBytes) break
      frames.push(entry.frame)
    }
    return { frames, goneTo }
  }

  /**
   * The last seq on a topic that was sent before a time, as far as that is known: the one before the
   * first that is kept, if all of them are younger. `undefined` if none is kept that was sent.
   */
  lastBefore(topic: string, time: number): number | undefined {
    const entries = this.#topics.get(topic)
    const first = entries?.at(0)
    if (entries === undefined || first?.sentAt === undefined) return undefined
    // sent one after the other, and those that wait come last
    let low = 0
    let high = entries.size
    while (low < high) {
      const middle = (low + high) >> 1
      const { sentAt = Number.POSITIVE_INFINITY } = entries.at(middle)!
      if (sentAt < time) low = middle + 1
      else high = middle
    }
    return first.frame.seq - 1 + low
  }

  /** Forgets frames that were sent too long ago. */
  expire(now: number): void {
    const oldestKept = now - this.#options.maxAgeMs
    for (;;) {
      const sentAt = this.#entries.at(0)?.sentAt
      if (sentAt === undefined || sentAt >= oldestKept) return
      this.#shift()
    }
  }

  /** When {@link expire} has something to do next, or `undefined`. */
  nextExpiry(): number | undefined {
    const sentAt = this.#entries.at(0)?.sentAt
    return sentAt === undefined ? undefined : sentAt + this.#options.maxAgeMs
  }

  #shift(): Entry | undefined {
    const entry = this.#entries.shift()
    if (entry === undefined) return undefined
    const { frame, sentAt } = entry
    this.#bytes -= frame.body.length
    if (sentAt === undefined) {
      this.#framesHeld--
      this.#messagesHeld -= frame.messages
    } else {
      this.#sent--
      this.#slabs.release(frame.body)
    }
    if (frame.seq > 0) {
      const topic = this.#topics.get(frame.topic)
      topic?.shift()
      if (topic?.size === 0) this.#topics.delete(frame.topic)
    }
    return entry
  }
}

/** A queue that can be looked into at any place. */
class Deque<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items[this.#head + index]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
