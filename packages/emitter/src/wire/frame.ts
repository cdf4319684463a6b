import { BUCKETS } from './buckets.js'
import { MalformedFrameError, type MsgpackReader, type MsgpackWriter } from './msgpack.js'
import { UID_LENGTH } from './topics.js'

/**
 * A frame's body is a stream of MessagePack values: the header `[version, uid, seq]`, or with a
 * fourth value that says what has to be delivered before it, then the messages, each an array that
 * begins with its type. See docs/protocol.md.
 */

/** The version of the wire format that this library speaks. */
export const WIRE_VERSION = 1

/**
 * How many messages a frame may carry; a sender ends a frame at 64 KiB, far from this. A frame of
 * 64 MiB could otherwise claim 32 million, and take gigabytes of memory.
 */
const MAX_MESSAGES = 65_536

/** A frame requires at most one seq of each topic. */
const MAX_REQUIRES = 2 * (BUCKETS + 1)

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
  /**
   * What has to be delivered before it, of its sender's frames on other topics: the number of a topic
   * and a seq, in turns. The number is that of a bucket, or {@link EVERYONE}.
   */
  requires?: readonly number[] | undefined
}

/** In what a frame requires, the number of the topic of everyone: the one after the last bucket. */
export const EVERYONE = BUCKETS

/**
 * A message in a received frame, its fields not read yet. It is good until the next one of the frame
 * is looked at: they share one reader.
 */
export interface IncomingMessage {
  /** The uid of the node or emitter that said it. */
  readonly sender: string
  readonly type: number
  /** How many values follow the type. */
  readonly fields: number
  /** Stands at the first of those values; ends with the last. */
  readonly reader: MsgpackReader
}

/** @param requires - see {@link FrameHeader.requires} */
export function writeHeader(
  writer: MsgpackWriter,
  uid: string,
  seq: number,
  requires?: readonly number[],
): void {
  writer.arrayHeader(requires === undefined ? 3 : 4)
  writer.uint(WIRE_VERSION)
  writer.string(uid)
  writer.uint(seq)
  if (requires === undefined) return
  writer.arrayHeader(requires.length)
  for (const number of requires) writer.uint(number)
}

/**
 * Reads a frame's header and leaves the reader at the first message.
 * @throws MalformedFrameError, UnknownVersionError
 */
export function readHeader(reader: MsgpackReader): FrameHeader {
  const length = reader.arrayHeader()
  const version = length > 0 ? reader.uint() : 0
  if (version !== WIRE_VERSION) throw new UnknownVersionError(`wire version ${version}`)
  if (length !== 3 && length !== 4) {
    throw new MalformedFrameError(
      'the header is not [version, uid, seq] or [version, uid, seq, requires]',
    )
  }
  const uid = reader.string()
  const seq = reader.uint()
  if (uid.length !== UID_LENGTH) throw new MalformedFrameError('the uid is not of its length')
  return length === 3 ? { uid, seq } : { uid, seq, requires: readRequires(reader) }
}

function readRequires(reader: MsgpackReader): number[] {
  const length = reader.arrayHeader()
  if (length % 2 !== 0 || length > MAX_REQUIRES) {
    throw new MalformedFrameError(`a frame that requires ${length} numbers`)
  }
  const requires: number[] = []
  for (let i = 0; i < length; i += 2) {
    const topic = reader.uint()
    const seq = reader.uint()
    if (topic > EVERYONE || seq === 0) {
      throw new MalformedFrameError(
        `a frame that requires seq ${seq} on a topic of number ${topic}`,
      )
    }
    requires.push(topic, seq)
  }
  return requires
}

/**
 * The messages of a received frame: found, and not decoded. It is itself the message that it stands
 * at, since an object and a reader for each message would take as long as all else that is done with
 * one that matches nobody (0.3 µs of 0.6).
 */
export class IncomingMessages implements IncomingMessage, Iterable<IncomingMessage> {
  readonly sender: string
  readonly reader: MsgpackReader
  type = 0
  fields = 0
  /** Where each message begins, and where the last one ends. */
  readonly #bounds: Uint32Array

  constructor(sender: string, reader: MsgpackReader, bounds: Uint32Array) {
    this.sender = sender
    this.reader = reader
    this.#bounds = bounds
  }

  /** How many messages there are. */
  get length(): number {
    return this.#bounds.length - 1
  }

  /** Goes to a message. */
  at(index: number): IncomingMessage {
    const { reader } = this
    reader.pos = this.#bounds[index] as number
    reader.end = this.#bounds[index + 1] as number
    this.fields = reader.arrayHeader() - 1
    this.type = reader.uint()
    return this
  }

  /** Goes through the messages, one after the other. */
  *[Symbol.iterator](): Iterator<IncomingMessage> {
    for (let i = 0; i < this.length; i++) yield this.at(i)
  }
}

/** Where the messages of the frame that is being read have been found. */
const FOUND = new Uint32Array(MAX_MESSAGES + 1)

/**
 * Finds the messages that follow a header. The whole frame is walked before the first message is
 * handed out, so that of a frame which is cut short or garbled nothing is delivered.
 * @throws MalformedFrameError
 */
export function readMessages(reader: MsgpackReader, sender: string): IncomingMessages {
  let count = 0
  FOUND[0] = reader.pos
  while (!reader.done) {
    const length = reader.arrayHeader()
    if (length < 1) throw new MalformedFrameError('a message has no type')
    if (count === MAX_MESSAGES) {
      throw new MalformedFrameError(`more than ${MAX_MESSAGES} messages in a frame`, 'tooMany')
    }
    reader.uint()
    reader.skipMany(length - 1)
    FOUND[++count] = reader.pos
  }
  return new IncomingMessages(sender, reader, FOUND.slice(0, count + 1))
}

/** The messages of a frame that is taken without what is in it. */
export function noMessages(reader: MsgpackReader, sender: string): IncomingMessages {
  return new IncomingMessages(sender, reader, NOWHERE)
}

const NOWHERE = new Uint32Array(1)
