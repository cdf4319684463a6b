/**
 * What is emitted and to whom: the same for every adapter.
 */

/** The event of every message. */
export const EVENT = 'message'
/** Characters, and bytes, of a message's text. */
const TEXT_LENGTH = 60

/** Rooms with names of one length, so that only who is in them makes a difference. */
export const Room = {
  /** One socket of each receiving node is in it. */
  MATCH: 'room:with-a-socket',
  /** Nobody is in it. */
  NO_MATCH: 'room:with-no-one..',
  /** One socket of each receiving node is in it, and reads when the message was emitted. */
  LATENCY: 'room:with-a-clock.',
  /** One socket of each receiving node is in it, and tells how far the node has come. */
  PROGRESS: 'room:of-milestones',
} as const

/** The text of a message that is only counted. */
export const TEXT = 'The quick brown fox jumps over the lazy dog, and again, 123.'

/** What Socket.IO's parser puts before the first argument of an event of ours. */
const BEFORE_TEXT = `2["${EVENT}","`.length
const BEFORE_NUMBER = `2["${EVENT}",`.length

/** Microseconds, by a clock that all processes of this machine share. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e6 + nanoseconds / 1e3
}

/** A text of the same length that says when it was made. */
export function stampedText(): string {
  return now().toFixed(1).padEnd(TEXT_LENGTH, ' ')
}

/** Microseconds since the text of an encoded packet was made. */
export function age(packet: string): number {
  return now() - Number.parseFloat(packet.slice(BEFORE_TEXT, -2))
}

/** The number in an encoded packet that has no other argument. */
export function milestone(packet: string): number {
  return Number(packet.slice(BEFORE_NUMBER, -1))
}
