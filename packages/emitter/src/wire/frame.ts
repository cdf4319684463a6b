import { MalformedFrameError, MsgpackReader, type MsgpackWriter } from './msgpack.js'
import { UID_LENGTH } from './topics.js'

/**
 * A frame's body is a stream of MessagePack values: the header `[version, uid, seq]`, then the
 * messages, each an array that begins with its type. See docs/protocol.md.
 */

/** The version of the wire format that this library speaks. */
export const WIRE_VERSION = 1

/**
 * How many messages a frame may carry; a sender ends a frame at 64 KiB, far from this. A frame of
 * 64 MiB could otherwise claim 32 million, and take gigabytes of memory.
 */
const MAX_MESSAGES = 65_536

/** A frame in a version of the wire format that this library does not speak. */
export class UnknownVersionError extends Error {
  override name = 'UnknownVersionError'
}

/** What stands at the head of every frame. */
export interface FrameHeader {
  /** The sender. */
  uid: string
  /** The frame's number in its sender's sequence on its topic, from 1; 0 if it has none. */
  seq: number
}

/** A message in a received frame, its fields not read yet. */
export interface IncomingMessage {
  /** The uid of the node or emitter that said it. */
  sender: string
  type: number
  /** How many values follow the type. */
  fields: number
  /** Stands at the first of those values; ends with the last. */
  reader: MsgpackReader
}

export function writeHeader(writer: MsgpackWriter, uid: string, seq: number): void {
  writer.arrayHeader(3)
  writer.uint(WIRE_VERSION)
  writer.string(uid)
  writer.uint(seq)
}

/**
 * Reads a frame's header and leaves the reader at the first message.
 * @throws MalformedFrameError, UnknownVersionError
 */
export function readHeader(reader: MsgpackReader): FrameHeader {
  const length = reader.arrayHeader()
  const version = length > 0 ? reader.uint() : 0
  if (version !== WIRE_VERSION) throw new UnknownVersionError(`wire version ${version}`)
  if (length !== 3) throw new MalformedFrameError('the header is not [version, uid, seq]')
  const uid = reader.string()
  const seq = reader.uint()
  if (uid.length !== UID_LENGTH) throw new MalformedFrameError('the uid is not of its length')
  return { uid, seq }
}

/**
 * Reads the messages that follow a header. The whole frame is walked before the first message is
 * handed out, so that of a frame which is cut short or garbled nothing is delivered.
 * @throws MalformedFrameError
 */
export function readMessages(reader: MsgpackReader, sender: string): IncomingMessage[] {
  const messages: IncomingMessage[] = []
  const { buf } = reader
  while (!reader.done) {
    const length = reader.arrayHeader()
    if (length < 1) throw new MalformedFrameError('a message has no type')
    if (messages.length === MAX_MESSAGES) {
      throw new MalformedFrameError(`more than ${MAX_MESSAGES} messages in a frame`)
    }
    const type = reader.uint()
    const start = reader.pos
    for (let i = 1; i < length; i++) reader.skip()
    messages.push({
      sender,
      type,
      fields: length - 1,
      reader: new MsgpackReader(buf, start, reader.pos),
    })
  }
  return messages
}
