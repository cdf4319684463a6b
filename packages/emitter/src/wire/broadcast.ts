import { MessageType } from './cluster.js'
import { Encoding, type Envelope, expectFields, readEnvelope, type WireFlags } from './envelope.js'
import type { IncomingMessage } from './frame.js'
import { MAX_PARTS, MAX_ROOMS } from './limits.js'
import { MalformedFrameError, type MsgpackReader, type MsgpackWriter } from './msgpack.js'
import { isShortAscii, readAscii, readText } from './text.js'
import { readValue } from './value-reader.js'

/**
 * The broadcast, the one message on the hot path: `[3, nsp, rooms, except, flags, encoding,
 * payload]`, and an eighth value, `requestId`, where the sender collects acknowledgements. Written
 * and read by hand; see docs/protocol.md.
 */

/**
 * Event names that Socket.IO keeps for itself. Its clients take a packet with one of them for a broken
 * connection.
 */
export const RESERVED_EVENTS: ReadonlySet<string> = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
])

/**
 * What Socket.IO's encoder makes of a packet. Anything else in it (a `Blob`, say) cannot be sent to
 * another process.
 */
export type EncodedPart = string | ArrayBufferView | ArrayBuffer

/** To whom a broadcast goes. */
export interface Address {
  nsp: string
  /** No rooms means everyone in the namespace. */
  rooms: ReadonlySet<string>
  except?: ReadonlySet<string> | undefined
  flags?: WireFlags | undefined
}

/** A packet's part that cannot be sent to another process. */
export class UnsendablePartError extends TypeError {
  override name = 'UnsendablePartError'
}

export function writeBroadcast(
  writer: MsgpackWriter,
  to: Address,
  parts: readonly EncodedPart[],
  requestId?: string,
): void {
  writer.arrayHeader(requestId === undefined ? 7 : 8)
  writer.uint(MessageType.BROADCAST)
  writer.string(to.nsp)
  writeRooms(writer, to.rooms)
  writeRooms(writer, to.except)
  writeFlags(writer, to.flags)
  writer.uint(Encoding.PARTS)
  if (parts.length > MAX_PARTS) throw tooMany('parts', MAX_PARTS)
  writer.arrayHeader(parts.length)
  for (const part of parts) writePart(writer, part)
  if (requestId !== undefined) writer.string(requestId)
}

function writeRooms(writer: MsgpackWriter, rooms: ReadonlySet<string> | undefined): void {
  if (rooms === undefined) return writer.arrayHeader(0)
  if (rooms.size > MAX_ROOMS) throw tooMany('rooms', MAX_ROOMS)
  writer.arrayHeader(rooms.size)
  for (const room of rooms as ReadonlySet<unknown>) {
    if (typeof room === 'string') writer.string(room)
    else if (typeof room === 'number') writer.number(room)
    else writer.nil() // matches nobody
  }
}

function tooMany(what: string, max: number): RangeError {
  return new RangeError(`cannot send a message to other servers with more than ${max} ${what}`)
}

function writeFlags(writer: MsgpackWriter, flags: WireFlags | undefined): void {
  if (flags === undefined) return writer.mapHeader(0)
  const { compress, timeout } = flags
  const hasTimeout =
    typeof timeout === 'number' && timeout >= 0 && timeout <= Number.MAX_SAFE_INTEGER
  writer.mapHeader((flags.volatile ? 1 : 0) + (compress === undefined ? 0 : 1) + +hasTimeout)
  if (flags.volatile) {
    writer.string('volatile')
    writer.boolean(true)
  }
  if (compress !== undefined) {
    writer.string('compress')
    writer.boolean(compress)
  }
  if (hasTimeout) {
    writer.string('timeout')
    writer.uint(Math.floor(timeout))
  }
}

function writePart(writer: MsgpackWriter, part: EncodedPart): void {
  if (typeof part === 'string') writer.string(part)
  else if (part instanceof Uint8Array) writer.binary(part)
  else if (ArrayBuffer.isView(part)) {
    writer.binary(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
  } else if (part instanceof ArrayBuffer) writer.binary(new Uint8Array(part))
  else {
    throw new UnsendablePartError(
      `cannot send a ${Object.prototype.toString.call(part).slice(8, -1)} to other servers: ` +
        'give emit() a Buffer, a typed array or an ArrayBuffer instead',
    )
  }
}

/** A received broadcast. Its payload is read only when somebody asks for it. */
export class Broadcast implements Envelope {
  readonly nsp: string
  readonly rooms: ReadonlySet<string>
  readonly except: ReadonlySet<string>
  readonly flags: Readonly<WireFlags>
  readonly isEncoded: boolean
  /** Where the sender collects acknowledgements, the request's id. */
  readonly requestId: string | undefined
  readonly #reader: MsgpackReader
  readonly #payload: number
  #isAscii = false

  /**
   * @param envelope - the message's envelope, if it has been read already
   * @throws MalformedFrameError
   */
  constructor({ fields, reader }: IncomingMessage, envelope?: Envelope) {
    expectFields(fields)
    const { nsp, rooms, except, flags, isEncoded } = envelope ?? readEnvelope(reader)
    this.nsp = nsp
    this.rooms = rooms
    this.except = except
    this.flags = flags
    this.isEncoded = isEncoded
    this.#reader = reader
    this.#payload = reader.pos
    if (fields === 6) return
    reader.skip()
    this.requestId = reader.string()
  }

  /**
   * The parts that the sender's encoder made, if {@link isEncoded}.
   * @throws MalformedFrameError
   */
  parts(): (string | Buffer)[] {
    const reader = this.#reader
    reader.pos = this.#payload
    const count = reader.arrayHeader()
    if (count < 1) throw new MalformedFrameError('a packet without parts')
    if (count > MAX_PARTS) throw new MalformedFrameError(`a packet of ${count} parts`, 'tooMany')
    if (count === 1 && !reader.atBinary()) return [this.#text()]
    const parts: (string | Buffer)[] = []
    for (let i = 0; i < count; i++) {
      parts.push(reader.atBinary() ? ownBytes(reader) : reader.string())
    }
    return parts
  }

  #text(): string {
    const reader = this.#reader
    const { buf } = reader
    const start = reader.skipString()
    const end = reader.pos
    this.#isAscii = isShortAscii(buf, start, end)
    return this.#isAscii ? readAscii(buf, start, end) : readText(buf, start, end)
  }

  /** Whether {@link parts} has found that the packet is a single short text, and all ASCII. */
  get isAscii(): boolean {
    return this.#isAscii
  }

  /**
   * The packet's data, the event's name and its arguments, if not {@link isEncoded}.
   * @throws MalformedFrameError
   */
  data(): unknown[] {
    const reader = this.#reader
    reader.pos = this.#payload
    reader.skip()
    const data = readValue(reader.buf.subarray(this.#payload, reader.pos))
    if (!Array.isArray(data) || typeof data[0] !== 'string') {
      throw new MalformedFrameError('the data of a packet does not begin with the event’s name')
    }
    if (RESERVED_EVENTS.has(data[0])) {
      throw new MalformedFrameError(`the reserved event name ${data[0]}`, 'reservedEvent')
    }
    return data
  }
}

/**
 * A binary that is smaller than this part of its frame is copied: in a slow client's queue it would
 * hold the whole frame alive. A larger one is not, as the copy costs a receiver as much as all the rest.
 */
const MIN_SHARE = 1 / 8

function ownBytes(reader: MsgpackReader): Buffer {
  const view = reader.binary()
  return view.length < reader.buf.length * MIN_SHARE ? Buffer.from(view) : view
}
