/** A timer that is set to the time at which something is next due, and set again after it was. */
export class Alarm {
  readonly #next: () => number | undefined
  readonly #run: () => void
  #timer: NodeJS.Timeout | undefined
  #at = Number.POSITIVE_INFINITY
  #isStopped = false

  /**
   * @param next - the time, by `performance.now()`, at which something is due, or `undefined`
   * @param run - does what is due
   */
  constructor(next: () => number | undefined, run: () => void) {
    this.#next = next
    this.#run = run
  }

  /** To be called after what is due may have changed. */
  set(): void {
    if (this.#isStopped) return
    const at = this.#next() ?? Number.POSITIVE_INFINITY
    if (at === this.#at) return
    this.#clear()
    if (at === Number.POSITIVE_INFINITY) return
    this.#at = at
    this.#timer = setTimeout(
      () => {
        this.#clear()
        this.#run()
        this.set()
      },
      Math.max(0, Math.ceil(at - performance.now())),
    )
  }

  /** For good: a timer that is set later would keep the process alive. */
  stop(): void {
    this.#isStopped = true
    this.#clear()
  }

  #clear(): void {
    clearTimeout(this.#timer)
    this.#at = Number.POSITIVE_INFINITY
  }
}
