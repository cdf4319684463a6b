import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until a condition holds.
 * @throws Error when it does not within 20 seconds
 */
export async function until(condition: () => unknown): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`it does not come true: ${condition}`)
    await sleep(5)
  }
}
