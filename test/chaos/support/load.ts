import { setImmediate as nextTurn } from 'node:timers/promises'

/** How often a load says what has become due. */
const TICK_MS = 2
/** A process that was held up says this much afterwards, and not all that it has missed. */
const MAX_ARREARS_MS = 100

export const LOAD_ROOM = 'load'
export const LOAD_EVENT = 'said'

/** What a load emits to: a server or an emitter. */
interface Target {
  to(room: string): { emit(event: string, ...args: unknown[]): unknown }
}

/**
 * Emits numbered messages to the clients in a room, `(name, number, saidAt, filler)`, with the
 * numbers from 1 and without holes.
 */
export class Load {
  readonly #target: Target
  /** Who says it; to be set before anything is said. */
  name = ''
  /** Text that makes each message longer. */
  filler = ''
  /** How many messages have been said: the number of the last. */
  said = 0
  #timer: NodeJS.Timeout | undefined

  constructor(target: Target) {
    this.#target = target
  }

  /** Says so many messages per second from now on. */
  start(perSecond: number): void {
    this.stop()
    let last = performance.now()
    let due = 0
    this.#timer = setInterval(() => {
      const now = performance.now()
      due += (Math.min(now - last, MAX_ARREARS_MS) / 1_000) * perSecond
      last = now
      const count = Math.floor(due)
      due -= count
      this.say(count)
    }, TICK_MS)
  }

  /** Returns how many messages have been said in all. */
  stop(): number {
    clearInterval(this.#timer)
    return this.said
  }

  /** Says so many messages in this turn of the event loop. */
  say(messages: number): number {
    const saidAt = performance.timeOrigin + performance.now()
    for (let i = 0; i < messages; i++) {
      this.#target.to(LOAD_ROOM).emit(LOAD_EVENT, this.name, ++this.said, saidAt, this.filler)
    }
    return this.said
  }

  /** Says messages in turns of the event loop of their own, each followed by a quiet one: a frame each. */
  async sayInFrames(frames: number, messagesPerFrame: number): Promise<number> {
    for (let i = 0; i < frames; i++) {
      this.say(messagesPerFrame)
      await nextTurn()
      await nextTurn()
    }
    return this.said
  }
}
