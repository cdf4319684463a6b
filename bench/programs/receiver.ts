import type { Server } from 'socket.io'
import { tell } from '../calls.js'
import { age, milestone, Room } from '../messages.js'
import { StubSocket } from '../stub-socket.js'

/** Counts what arrives, with one stub socket in each room that is not empty. */
export class Receiver {
  readonly #counting: StubSocket
  readonly #timing: StubSocket
  /** How many messages had been sent when the last milestone was. */
  progress = 0
  #latencies: number[] = []
  #countBefore = 0
  #milestoneWaiters: ((progress: number) => void)[] = []

  constructor(io: Server) {
    this.#counting = StubSocket.join(io, Room.MATCH)
    this.#timing = StubSocket.join(io, Room.LATENCY, (packet) => this.#latencies.push(age(packet)))
    StubSocket.join(io, Room.PROGRESS, (packet) => {
      this.progress = milestone(packet)
      tell(this.progress)
      for (const resolve of this.#milestoneWaiters.splice(0)) resolve(this.progress)
    })
  }

  /** Messages that have arrived since the beginning of the pass. */
  get count(): number {
    return this.#counting.count + this.#timing.count - this.#countBefore
  }

  /** Begins to count anew. */
  begin(): void {
    this.progress = 0
    this.#countBefore += this.count
    this.forgetLatencies()
  }

  nextMilestone(): Promise<number> {
    return new Promise((resolve) => this.#milestoneWaiters.push(resolve))
  }

  forgetLatencies(): void {
    this.#latencies = []
  }

  /** Microseconds from `emit()` to the stub socket, of each message since they were forgotten. */
  get latencies(): Float64Array {
    return Float64Array.from(this.#latencies)
  }
}
