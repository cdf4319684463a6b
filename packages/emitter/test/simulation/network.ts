import type { VirtualClock } from './clock.js'
import type { NetworkPlan } from './plan.js'
import type { Process } from './process.js'
import type { Random } from './random.js'

/** How likely something is lost on a connection that is about to break. */
const FADING_LOSS = 0.7

/** Takes what processes send through every broker, some of it never, twice, or late. */
export class Network {
  readonly #plan: NetworkPlan
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #brokersDown = new Set<number>()
  /** When the last message arrives on each way through each broker. */
  readonly #lastArrival = new Map<number, number>()
  #isCalm = false
  /** Messages of which no copy has arrived. */
  lost = 0

  constructor(plan: NetworkPlan, clock: VirtualClock, random: Random) {
    this.#plan = plan
    this.#clock = clock
    this.#random = random
  }

  broker(index: number, isDown: boolean): void {
    if (isDown) this.#brokersDown.add(index)
    else this.#brokersDown.delete(index)
  }

  /** Nothing is lost from now on. */
  calm(): void {
    this.#isCalm = true
    this.#brokersDown.clear()
  }

  send(from: Process, to: Process, kind: 'data' | 'control', arrive: () => void): void {
    let copies = 0
    for (let broker = 0; broker < this.#plan.brokers; broker++) {
      if (this.#isLost(broker, from, to, kind)) continue
      copies += 1
      this.#pass(broker, from, to, arrive)
      if (!this.#isCalm && this.#random.chance(this.#plan.duplication)) {
        this.#pass(broker, from, to, arrive)
      }
    }
    if (copies === 0) this.lost++
  }

  #isLost(broker: number, from: Process, to: Process, kind: 'data' | 'control'): boolean {
    if (!to.isAttached) return true
    if (this.#isCalm) return false
    if (this.#brokersDown.has(broker)) return true
    if ((from.isFading || to.isFading) && this.#random.chance(FADING_LOSS)) return true
    const { dataLoss, controlLoss } = this.#plan
    return this.#random.chance(kind === 'data' ? dataLoss : controlLoss)
  }

  #pass(broker: number, from: Process, to: Process, arrive: () => void): void {
    const { keepsOrder, maxDelayMs } = this.#plan
    let at = this.#clock.now + this.#random.int(0, maxDelayMs)
    if (keepsOrder) {
      const way = (broker * 16 + from.index) * 16 + to.index
      at = Math.max(at, this.#lastArrival.get(way) ?? 0)
      this.#lastArrival.set(way, at)
    }
    this.#clock.at(at, () => {
      if (to.isAttached) to.handle(arrive)
    })
  }
}
