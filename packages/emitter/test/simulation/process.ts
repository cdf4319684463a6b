/** A process that can lose its link, be stopped for a while, and die. */
export abstract class Process {
  readonly index: number
  /** Whether what is sent to it finds its subscriptions. */
  isAttached = false
  isUp = false
  /** Whether its connections are about to break. */
  isFading = false
  isFrozen = false
  isDead = false
  readonly #waiting: (() => void)[] = []

  constructor(index: number) {
    this.index = index
  }

  /** Does something now, or once it is thawed. */
  handle(run: () => void): void {
    if (this.isDead) return
    if (this.isFrozen) this.#waiting.push(run)
    else run()
  }

  freeze(): void {
    this.isFrozen = true
  }

  thaw(): void {
    this.isFrozen = false
    for (const run of this.#waiting.splice(0)) this.handle(run)
  }

  /** Its connections break, which it finds out as soon as it runs. */
  cut(): void {
    this.isAttached = false
    this.handle(() => this.linkDown())
  }

  restore(): void {
    this.isFading = false
    this.handle(() => this.linkUp())
  }

  die(): void {
    this.isDead = true
    this.isUp = false
    this.isAttached = false
  }

  abstract linkUp(): void
  abstract linkDown(): void
}
