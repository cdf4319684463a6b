import { type BucketSet, readBuckets, writeBuckets } from './bucket-set.js'
import { BUCKETS } from './buckets.js'
import type { IncomingMessage } from './frame.js'
import { MalformedFrameError, type MsgpackReader, type MsgpackWriter } from './msgpack.js'

/**
 * The messages with which buses speak to each other. They stand in frames of seq 0, which are not
 * numbered, not kept and not repaired. See docs/protocol.md.
 */

/** Their types; those of Socket.IO's cluster messages, 1 to 13, are laid down elsewhere. */
export const ControlType = {
  /** `[32, token]`, to one's own topic: what was said before it has passed the broker. */
  MARK: 32,
  /** `[33, topic, from, to]`, to the sender: frames from a seq to a seq are missing here. */
  NAK: 33,
  /** `[34, topic, from, to]`, to who asked: these frames are not kept any more. */
  GONE: 34,
  /**
   * `[35, topic, last, ageMs]`: where a sender's sequence stands, and how old the sender is. To who
   * asked about a time `[35, topic, last, ageMs, base]`: and where it stood then.
   */
  DIGEST: 35,
  /** `[36, topic, body]`, to who asked: a frame's body again, with the topic it had. */
  REPAIR: 36,
  /** `[37]`: asks for digests. `[37, topic, ageMs]`: for that of a topic, and where it stood then. */
  ASK: 37,
  /** `[38, number]`, to one's own topic: whether the way to a broker and back is open. */
  PROBE: 38,
  /** `[39, buckets]`: the buckets that a node subscribes to, where it does not hear them all. */
  INTEREST: 39,
  /**
   * `[40, ageMs, stands]`: the same as DIGEST for the topics of many buckets: the numbers of a bucket,
   * of its last frame, and of the sender's age when that was sent, in turns.
   */
  BUCKET_DIGEST: 40,
  /** `[41, topic, last]`, to who asked: no frames after this seq have been sent. */
  UNSENT: 41,
} as const

/** A control message, read. */
export type Control =
  | { type: typeof ControlType.MARK; token: number }
  | { type: typeof ControlType.NAK; topic: string; from: number; to: number }
  | { type: typeof ControlType.GONE; topic: string; from: number; to: number }
  | {
      type: typeof ControlType.DIGEST
      topic: string
      last: number
      ageMs: number
      /** The last seq before the time that was asked about. */
      base?: number
    }
  | { type: typeof ControlType.REPAIR; topic: string; body: Buffer }
  | {
      type: typeof ControlType.ASK
      /** Where a topic stood when the sender that is asked was so old. */
      about?: { topic: string; ageMs: number }
    }
  | { type: typeof ControlType.PROBE; number: number }
  | { type: typeof ControlType.UNSENT; topic: string; last: number }
  | { type: typeof ControlType.INTEREST; buckets: BucketSet }
  | { type: typeof ControlType.BUCKET_DIGEST; ageMs: number; stands: readonly number[] }

export function writeControl(writer: MsgpackWriter, message: Control): void {
  switch (message.type) {
    case ControlType.MARK:
      writer.arrayHeader(2)
      writer.uint(message.type)
      return writer.uint(message.token)
    case ControlType.NAK:
    case ControlType.GONE:
      writer.arrayHeader(4)
      writer.uint(message.type)
      writer.string(message.topic)
      writer.uint(message.from)
      return writer.uint(message.to)
    case ControlType.DIGEST:
      writer.arrayHeader(message.base === undefined ? 4 : 5)
      writer.uint(message.type)
      writer.string(message.topic)
      writer.uint(message.last)
      writer.uint(message.ageMs)
      if (message.base !== undefined) writer.uint(message.base)
      return
    case ControlType.REPAIR:
      writer.arrayHeader(3)
      writer.uint(message.type)
      writer.string(message.topic)
      return writer.binary(message.body)
    case ControlType.ASK:
      writer.arrayHeader(message.about === undefined ? 1 : 3)
      writer.uint(message.type)
      if (message.about === undefined) return
      writer.string(message.about.topic)
      return writer.uint(message.about.ageMs)
    case ControlType.PROBE:
      writer.arrayHeader(2)
      writer.uint(message.type)
      return writer.uint(message.number)
    case ControlType.UNSENT:
      writer.arrayHeader(3)
      writer.uint(message.type)
      writer.string(message.topic)
      return writer.uint(message.last)
    case ControlType.INTEREST:
      writer.arrayHeader(2)
      writer.uint(message.type)
      return writeBuckets(writer, message.buckets)
    case ControlType.BUCKET_DIGEST:
      writer.arrayHeader(3)
      writer.uint(message.type)
      writer.uint(message.ageMs)
      writer.arrayHeader(message.stands.length)
      for (const number of message.stands) writer.uint(number)
      return
  }
}

export function writeControls(writer: MsgpackWriter, messages: readonly Control[]): void {
  for (const message of messages) writeControl(writer, message)
}

/**
 * @returns `undefined` if it is not a control message
 * @throws MalformedFrameError
 */
export function readControl({ type, fields, reader }: IncomingMessage): Control | undefined {
  const expect = (...counts: number[]) => {
    if (counts.includes(fields)) return
    throw new MalformedFrameError(
      `a message of type ${type} and ${fields} fields, not ${counts.join(' or ')}`,
    )
  }
  switch (type) {
    case ControlType.MARK:
      expect(1)
      return { type, token: reader.uint() }
    case ControlType.NAK:
    case ControlType.GONE: {
      expect(3)
      const range = { type, topic: reader.string(), from: reader.uint(), to: reader.uint() }
      if (range.from >= 1 && range.from <= range.to) return range
      throw new MalformedFrameError(`a range of seqs from ${range.from} to ${range.to}`)
    }
    case ControlType.DIGEST: {
      expect(3, 4)
      const digest = { type, topic: reader.string(), last: reader.uint(), ageMs: reader.uint() }
      return fields === 3 ? digest : { ...digest, base: reader.uint() }
    }
    case ControlType.REPAIR:
      expect(2)
      return { type, topic: reader.string(), body: reader.binary() }
    case ControlType.ASK:
      expect(0, 2)
      if (fields === 0) return { type }
      return { type, about: { topic: reader.string(), ageMs: reader.uint() } }
    case ControlType.PROBE:
      expect(1)
      return { type, number: reader.uint() }
    case ControlType.UNSENT:
      expect(2)
      return { type, topic: reader.string(), last: reader.uint() }
    case ControlType.INTEREST:
      expect(1)
      return { type, buckets: readBuckets(reader) }
    case ControlType.BUCKET_DIGEST:
      expect(2)
      return { type, ageMs: reader.uint(), stands: readStands(reader) }
    default:
      return undefined
  }
}

function readStands(reader: MsgpackReader): number[] {
  const length = reader.arrayHeader()
  if (length % 3 !== 0 || length > 3 * BUCKETS) {
    throw new MalformedFrameError(`a digest of buckets of ${length} numbers`)
  }
  const stands: number[] = []
  for (let i = 0; i < length; i++) {
    const number = reader.uint()
    if (i % 3 === 0 && number >= BUCKETS) {
      throw new MalformedFrameError(`a digest of bucket number ${number}`)
    }
    stands.push(number)
  }
  return stands
}
