import type { IncomingMessage } from './frame.js'
import { MalformedFrameError, type MsgpackWriter } from './msgpack.js'

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
  /** `[35, topic, last, ageMs]`: where a sender's sequence stands, and how old the sender is. */
  DIGEST: 35,
  /** `[36, topic, body]`, to who asked: a frame's body again, with the topic it had. */
  REPAIR: 36,
  /** `[37]`: asks for digests. */
  ASK: 37,
  /** `[38, number]`, to one's own topic: whether the way to a broker and back is open. */
  PROBE: 38,
  /** `[41, topic, last]`, to who asked: no frames after this seq have been sent. */
  UNSENT: 41,
} as const

/** A control message, read. */
export type Control =
  | { type: typeof ControlType.MARK; token: number }
  | { type: typeof ControlType.NAK; topic: string; from: number; to: number }
  | { type: typeof ControlType.GONE; topic: string; from: number; to: number }
  | { type: typeof ControlType.DIGEST; topic: string; last: number; ageMs: number }
  | { type: typeof ControlType.REPAIR; topic: string; body: Buffer }
  | { type: typeof ControlType.ASK }
  | { type: typeof ControlType.PROBE; number: number }
  | { type: typeof ControlType.UNSENT; topic: string; last: number }

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
      writer.arrayHeader(4)
      writer.uint(message.type)
      writer.string(message.topic)
      writer.uint(message.last)
      return writer.uint(message.ageMs)
    case ControlType.REPAIR:
      writer.arrayHeader(3)
      writer.uint(message.type)
      writer.string(message.topic)
      return writer.binary(message.body)
    case ControlType.ASK:
      writer.arrayHeader(1)
      return writer.uint(message.type)
    case ControlType.PROBE:
      writer.arrayHeader(2)
      writer.uint(message.type)
      return writer.uint(message.number)
    case ControlType.UNSENT:
      writer.arrayHeader(3)
      writer.uint(message.type)
      writer.string(message.topic)
      return writer.uint(message.last)
  }
}

/**
 * @returns `undefined` if it is not a control message
 * @throws MalformedFrameError
 */
export function readControl({ type, fields, reader }: IncomingMessage): Control | undefined {
  const expect = (count: number) => {
    if (fields === count) return
    throw new MalformedFrameError(`a message of type ${type} and ${fields} fields, not ${count}`)
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
    case ControlType.DIGEST:
      expect(3)
      return { type, topic: reader.string(), last: reader.uint(), ageMs: reader.uint() }
    case ControlType.REPAIR:
      expect(2)
      return { type, topic: reader.string(), body: reader.binary() }
    case ControlType.ASK:
      expect(0)
      return { type }
    case ControlType.PROBE:
      expect(1)
      return { type, number: reader.uint() }
    case ControlType.UNSENT:
      expect(2)
      return { type, topic: reader.string(), last: reader.uint() }
    default:
      return undefined
  }
}
