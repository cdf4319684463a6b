/**
 * What is emitted: the same for every adapter.
 */

/** The event of every message. */
export const EVENT = 'message'
/** Characters, and bytes, of a message's text. */
const TEXT_LENGTH = 60
const BINARY_BYTES = 10_240
/** A milestone is one number: whose, and how far. */
const MAX_NODES = 16

/** The text of a message that is only counted. */
export const TEXT = 'The quick brown fox jumps over the lazy dog, and again, 123.'

/** The bytes of a large message. */
export const BINARY = Buffer.alloc(BINARY_BYTES, TEXT)

/** What Socket.IO's parser puts before the first argument of an event of ours. */
const BEFORE_TEXT = `2["${EVENT}","`.length
const BEFORE_NUMBER = `2["${EVENT}",`.length

/** How many messages a node has sent. */
export interface Milestone {
  node: number
  count: number
}

/** Microseconds, by a clock that all processes of this machine share. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e6 + nanoseconds / 1e3
}

/** A text of the same length that says when it was made. */
export function stampedText(): string {
  return now().toFixed(1).padEnd(TEXT_LENGTH, ' ')
}

/** Microseconds since a text was made. */
export function ageOfText(text: string): number {
  return now() - Number.parseFloat(text)
}

/** Microseconds since the text of an encoded packet was made. */
export function age(packet: string): number {
  return ageOfText(packet.slice(BEFORE_TEXT, -2))
}

export function writeMilestone({ node, count }: Milestone): number {
  return count * MAX_NODES + node
}

export function readMilestone(value: number): Milestone {
  return { node: value % MAX_NODES, count: Math.floor(value / MAX_NODES) }
}

/** The milestone in an encoded packet. */
export function milestoneIn(packet: string): Milestone {
  return readMilestone(Number(packet.slice(BEFORE_NUMBER, -1)))
}

/** The id by which an encoded packet wants to be acknowledged; NaN if it does not. */
export function acknowledgementId(packet: string): number {
  return Number.parseInt(packet.slice(1), 10)
}
