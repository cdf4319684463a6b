import { Alarm } from './alarm.js'

/** How long more changes are waited for. */
const SETTLE_MS = 50
/** Changes are told no more often than this. */
const INTERVAL_MS = 1_000

/** When a node tells the others something that changes now and then: not each time, but soon. */
export class Notice {
  readonly #alarm: Alarm
  #dueAt: number | undefined
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(tell: () => void) {
    this.#alarm = new Alarm(
      () => this.#dueAt,
      () => {
        this.#dueAt = undefined
        this.#toldAt = performance.now()
        tell()
      },
    )
  }

  /** What is told has changed. */
  changed(): void {
    this.#due(Math.max(performance.now() + SETTLE_MS, this.#toldAt + INTERVAL_MS))
  }

  /** Somebody wants to hear it, or everybody does. */
  asked(): void {
    this.#due(Math.max(performance.now(), this.#toldAt + SETTLE_MS))
  }

  close(): void {
    this.#alarm.stop()
  }

  #due(at: number): void {
    if (this.#dueAt !== undefined && this.#dueAt <= at) return
    this.#dueAt = at
    this.#alarm.set()
  }
}
