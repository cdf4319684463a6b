import type { Server } from 'socket.io'
import { EVENT, TEXT } from '../messages.js'
import { Room, type SceneName, scenes } from '../scenes.js'

/** What is asked of the other nodes. */
export type Question = 'fetch' | 'acknowledge'

/** Milliseconds that the others are given to answer. */
const TIMEOUT_MS = 5_000

/** Asks the cluster again and again, so many questions at a time, and counts the answers. */
export class Asker {
  readonly #io: Server
  readonly #nodes: number
  /** Questions answered. */
  answered = 0
  /** Answers that were missing. */
  lost = 0
  #latencies: number[] = []
  #isStopped = true
  #loops: Promise<void>[] = []

  constructor(io: Server, nodes: number) {
    this.#io = io
    this.#nodes = nodes
  }

  /** Begins to ask. */
  ask(question: Question, scene: SceneName, inFlight: number): void {
    this.answered = 0
    this.lost = 0
    this.#isStopped = false
    const expected = scenes[scene].copies(this.#nodes)
    const once = question === 'fetch' ? this.#fetch : this.#acknowledge
    this.#loops = Array.from({ length: inFlight }, () => this.#loop(once, expected))
  }

  forgetLatencies(): void {
    this.#latencies = []
  }

  /** Microseconds from each question to its answer. */
  get latencies(): Float64Array {
    return Float64Array.from(this.#latencies)
  }

  /** Stops, and resolves when nothing is open any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#loops)
  }

  async #loop(once: () => Promise<number>, expected: number): Promise<void> {
    while (!this.#isStopped) {
      const began = performance.now()
      this.lost += expected - (await once())
      this.#latencies.push((performance.now() - began) * 1e3)
      this.answered++
    }
  }

  #fetch = async (): Promise<number> => {
    try {
      return (await this.#io.in(Room.MATCH).fetchSockets()).length
    } catch {
      return 0 // the time was up
    }
  }

  #acknowledge = (): Promise<number> =>
    new Promise((resolve) => {
      this.#io
        .to(Room.ACKNOWLEDGING)
        .timeout(TIMEOUT_MS)
        .emit(EVENT, TEXT, (_error: unknown, answers: unknown[]) => resolve(answers.length))
    })
}
