/** A frame on its way out. */
export interface OutgoingFrame {
  topic: string
  body: Buffer
  /** How many messages it carries. */
  messages: number
}

/** What the journal had to give up. */
export interface Overflow {
  frames: number
  messages: number
}

/**
 * Keeps frames that have not been sent yet, in the order in which they were said, up to a bound in
 * bytes; beyond it the oldest are given up.
 */
export class Journal {
  #frames: OutgoingFrame[] = []
  /** The frames before it have been taken. */
  #head = 0
  #bytes = 0
  #messages = 0
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get frames(): number {
    return this.#frames.length - this.#head
  }

  get messages(): number {
    return this.#messages
  }

  /** Adds a frame, and says what had to be given up for it. */
  append(frame: OutgoingFrame): Overflow | undefined {
    this.#frames.push(frame)
    this.#bytes += frame.body.length
    this.#messages += frame.messages
    if (this.#bytes <= this.#maxBytes) return undefined
    const overflow = { frames: 0, messages: 0 }
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.take()
      if (oldest === undefined) break
      overflow.frames++
      overflow.messages += oldest.messages
    }
    return overflow
  }

  /** The oldest frame, left where it is. */
  peek(): OutgoingFrame | undefined {
    return this.#frames[this.#head]
  }

  /** Removes the oldest frame. */
  take(): OutgoingFrame | undefined {
    const frame = this.#frames[this.#head]
    if (frame === undefined) return undefined
    this.#frames[this.#head++] = undefined as unknown as OutgoingFrame
    this.#bytes -= frame.body.length
    this.#messages -= frame.messages
    if (this.#head === this.#frames.length) {
      this.#frames = []
      this.#head = 0
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#frames.length) {
      this.#frames = this.#frames.slice(this.#head)
      this.#head = 0
    }
    return frame
  }
}
