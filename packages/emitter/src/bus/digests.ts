/**
 * When a sender tells where its sequences stand: some time after a topic has fallen quiet, and once
 * more later, so that a lost last frame is noticed. Nothing is told of a topic on which nothing was
 * said since. A plain state machine.
 */
export class DigestSchedule {
  readonly #delaysMs: readonly number[]
  readonly #topics = new Map<string, { at: number; stage: number }>()

  /** @param delaysMs - the times after the last frame at which a digest is due */
  constructor(delaysMs: readonly number[]) {
    this.#delaysMs = delaysMs
  }

  /** A frame was sent on a topic. */
  sent(topic: string, now: number): void {
    this.#topics.set(topic, { at: now + this.#delaysMs[0]!, stage: 0 })
  }

  /** The topics whose digests are due now. */
  due(now: number): string[] {
    const due: string[] = []
    for (const [topic, state] of this.#topics) {
      if (state.at > now) continue
      due.push(topic)
      state.stage++
      const next = this.#delaysMs[state.stage]
      if (next === undefined) this.#topics.delete(topic)
      else state.at = now + next - this.#delaysMs[state.stage - 1]!
    }
    return due
  }

  /** When {@link due} has something to tell next, or `undefined`. */
  nextDue(): number | undefined {
    let next = Number.POSITIVE_INFINITY
    for (const { at } of this.#topics.values()) if (at < next) next = at
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }
}
