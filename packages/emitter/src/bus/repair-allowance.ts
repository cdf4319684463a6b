/** What a receiver may ask for; see {@link RepairAllowance}. */
export interface RepairAllowanceOptions {
  /** Milliseconds in which the same frames are not said twice to the same receiver. */
  intervalMs: number
  /** Bytes of repairs for all receivers in a second. */
  bytesPerSecond: number
}

/** Ranges that one receiver may ask for on one topic in an interval: one that is honest has 64 holes. */
const MAX_RANGES = 128
/** Receivers and topics that are known at a time. */
const MAX_ASKERS = 65_536

interface Answered {
  until: number
  ranges: [from: number, to: number][]
}

/**
 * Bounds what others can make a sender say again: a request of 60 bytes may bring megabytes. A plain
 * state machine.
 */
export class RepairAllowance {
  readonly #options: RepairAllowanceOptions
  /** By receiver and topic, what it has got in the running interval; the oldest first. */
  readonly #answered = new Map<string, Answered>()
  #bytes: number
  #refilledAt = 0

  constructor(options: RepairAllowanceOptions) {
    this.#options = options
    this.#bytes = options.bytesPerSecond
  }

  /** How many bytes may be said again now. */
  bytes(now: number): number {
    const { bytesPerSecond } = this.#options
    const refill = ((now - this.#refilledAt) / 1_000) * bytesPerSecond
    this.#bytes = Math.min(bytesPerSecond, this.#bytes + refill)
    this.#refilledAt = now
    return Math.max(0, this.#bytes)
  }

  /** Whether a receiver asks for something that it has not just got. */
  isNew(asker: string, topic: string, from: number, to: number, now: number): boolean {
    this.#expire(now)
    const answered = this.#answered.get(keyOf(asker, topic))
    if (answered === undefined) return this.#answered.size < MAX_ASKERS
    const { ranges } = answered
    return ranges.length < MAX_RANGES && !ranges.some((got) => from <= got[1] && to >= got[0])
  }

  /** A receiver gets a range of frames, of so many bytes. */
  spend(asker: string, topic: string, from: number, to: number, bytes: number, now: number): void {
    this.#bytes -= bytes
    const key = keyOf(asker, topic)
    const answered = this.#answered.get(key)
    if (answered !== undefined) answered.ranges.push([from, to])
    else this.#answered.set(key, { until: now + this.#options.intervalMs, ranges: [[from, to]] })
  }

  #expire(now: number): void {
    for (const [key, { until }] of this.#answered) {
      if (until > now) return
      this.#answered.delete(key)
    }
  }
}

const keyOf = (asker: string, topic: string) => `${asker} ${topic}`
