import type { VirtualClock } from './clock.js'
import type { Network } from './network.js'
import type { Plan } from './plan.js'
import type { Random } from './random.js'
import type { SimulatedReceiver } from './receiver.js'
import type { SimulatedSender } from './sender.js'

/** What everyone in a schedule shares. */
export interface World {
  readonly plan: Plan
  readonly clock: VirtualClock
  readonly random: Random
  readonly network: Network
  readonly senders: SimulatedSender[]
  readonly receivers: SimulatedReceiver[]
  /** Tells the story of a schedule. */
  readonly log: ((line: string) => void) | undefined
}

/** @throws Error if a guarantee does not hold */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
