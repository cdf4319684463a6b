import { setTimeout as sleep } from 'node:timers/promises'
import type { Socket } from 'socket.io-client'

/**
 * Waits until a condition holds.
 * @throws Error when it does not within `timeoutMs`, with `what()` in the message
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = 15_000, what = () => condition.toString() } = {},
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what()}`)
    await sleep(5)
  }
}

/** The arguments of the next event of a name that a client gets. */
export function nextEvent(client: Socket, event: string): Promise<unknown[]> {
  return new Promise((resolve) => client.once(event, (...args) => resolve(args)))
}

/** Collects the events of a name that a client gets: its arguments, or the one if there is one. */
export function collect(client: Socket, event: string): unknown[] {
  const events: unknown[] = []
  client.on(event, (...args) => events.push(args.length === 1 ? args[0] : args))
  return events
}
