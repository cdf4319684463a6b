/**
 * When a sender tells where its sequences stand: some time after a topic has fallen quiet, and once
 * more later, so that a lost last frame is noticed. Nothing is told of a topic on which nothing was
 * said since. A plain state machine.
 */
export class DigestSchedule {
  readonly #delaysMs: readonly number[]
  readonly #gridsMs: readonly number[]
  /** For each delay the topics that wait for it, the next one first, as all of them wait as long. */
  readonly #stages: readonly Map<string, number>[]
  readonly #stageOf = new Map<string, number>()

  /**
   * @param delaysMs - the times after the last frame at which a digest is due
   * @param gridsMs - for each of them, of what its time is a multiple, so that the digests of many
   *   topics come together
   */
  constructor(delaysMs: readonly number[], gridsMs: readonly number[] = []) {
    this.#delaysMs = delaysMs
    this.#gridsMs = gridsMs
    this.#stages = delaysMs.map(() => new Map())
  }

  /** A frame was sent on a topic. */
  sent(topic: string, now: number): void {
    const stage = this.#stageOf.get(topic)
    if (stage !== undefined) this.#stages[stage]!.delete(topic)
    this.#enter(topic, 0, now + this.#delaysMs[0]!)
  }

  /** The topics whose digests are due now. */
  due(now: number): string[] {
    const due: string[] = []
    // from the last to the first, so that none is told twice
    for (let stage = this.#stages.length - 1; stage >= 0; stage--) {
      for (const [topic, at] of this.#stages[stage]!) {
        if (at > now) break
        this.#stages[stage]!.delete(topic)
        this.#stageOf.delete(topic)
        due.push(topic)
        const next = this.#delaysMs[stage + 1]
        if (next !== undefined) this.#enter(topic, stage + 1, now + next - this.#delaysMs[stage]!)
      }
    }
    return due
  }

  /** When {@link due} has something to tell next, or `undefined`. */
  nextDue(): number | undefined {
    let next = Number.POSITIVE_INFINITY
    for (const stage of this.#stages) {
      for (const at of stage.values()) {
        if (at < next) next = at
        break
      }
    }
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  #enter(topic: string, stage: number, at: number): void {
    this.#stageOf.set(topic, stage)
    const gridMs = this.#gridsMs[stage]
    this.#stages[stage]!.set(topic, gridMs === undefined ? at : Math.ceil(at / gridMs) * gridMs)
  }
}
