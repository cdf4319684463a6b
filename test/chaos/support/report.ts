import type { Figures } from './stage.js'

/** `npm run chaos`: more rounds, higher rates. */
export const isLong = process.env.CHAOS_LONG === '1'

/** Prints what a test came to, in one line. */
export function tell(what: string): void {
  console.log(`chaos: ${what}`)
}

/** `48,210 messages to 4 clients, 0 lost, 0 twice, longest stall 412 ms`. */
export function summary({ messages, clients, longestStallMs, repaired }: Figures): string {
  return (
    `${count(messages)} messages to ${clients} clients, 0 lost, 0 twice, ` +
    `longest stall ${count(longestStallMs)} ms, ${count(repaired)} frames repaired`
  )
}

export function count(number: number): string {
  return Math.round(number).toLocaleString('en')
}
