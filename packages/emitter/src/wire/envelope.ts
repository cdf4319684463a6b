import { fnv1a } from './fnv.js'
import type { IncomingMessage } from './frame.js'
import { MAX_ROOMS } from './limits.js'
import { MalformedFrameError, type MsgpackReader } from './msgpack.js'

/**
 * The envelope of a broadcast: all that stands before its payload, `nsp, rooms, except, flags,
 * encoding`. See docs/protocol.md.
 */

/** How a broadcast's payload is written. */
export const Encoding = {
  /** The packet's data, an array of the event's name and its arguments. */
  DATA: 0,
  /** The parts, strings and binaries, that the sender's Socket.IO encoder made of the packet. */
  PARTS: 1,
} as const

/** The flags of a broadcast that mean something on other nodes. */
export interface WireFlags {
  volatile?: boolean
  compress?: boolean
  /** Milliseconds that clients are given to acknowledge. */
  timeout?: number
}

/** What stands before the payload of a received broadcast. Many may share one: it does not change. */
export interface Envelope {
  readonly nsp: string
  /** No rooms means everyone in the namespace. */
  readonly rooms: ReadonlySet<string>
  readonly except: ReadonlySet<string>
  readonly flags: Readonly<WireFlags>
  /** Whether the payload is the packet's parts, ready for a client's connection. */
  readonly isEncoded: boolean
}

/** How many envelopes are remembered, about 500 bytes each. */
const SLOTS = 4_096
/** A longer envelope is read anew each time, in bytes. */
const MAX_BYTES = 128

interface Known {
  readonly bytes: Uint8Array
  readonly envelope: Envelope
}

/**
 * Reads envelopes, and remembers them by their bytes: many broadcasts go to the same rooms. To compare
 * the bytes takes 0.03 µs, to read them 0.3 µs, most of it for a string and a set of strings.
 */
export class Envelopes {
  readonly #slots: (Known | undefined)[] = new Array(SLOTS)
  #last: Known = { bytes: new Uint8Array(MAX_BYTES + 1), envelope: NOTHING }

  /**
   * Reads the envelope of a broadcast, and leaves the reader at the payload.
   * @throws MalformedFrameError
   */
  read({ fields, reader }: IncomingMessage): Envelope {
    expectFields(fields)
    const last = this.#last
    if (startsWith(reader, last.bytes)) {
      reader.pos += last.bytes.length
      return last.envelope
    }
    const start = reader.pos
    reader.skipMany(5)
    const length = reader.pos - start
    if (length > MAX_BYTES) {
      reader.pos = start
      return readEnvelope(reader)
    }
    const slot = (fnv1a(reader.buf, start, reader.pos) >>> 0) % SLOTS
    let known = this.#slots[slot]
    reader.pos = start
    if (known?.bytes.length === length && startsWith(reader, known.bytes)) {
      reader.pos += length
    } else {
      const envelope = readEnvelope(reader)
      known = { bytes: Uint8Array.prototype.slice.call(reader.buf, start, reader.pos), envelope }
      this.#slots[slot] = known
    }
    this.#last = known
    return known.envelope
  }
}

/** @throws MalformedFrameError */
export function expectFields(fields: number): void {
  if (fields === 6 || fields === 7) return
  throw new MalformedFrameError(`a broadcast of ${fields} fields, not 6 or 7`)
}

/**
 * Reads an envelope, and leaves the reader at the payload.
 * @throws MalformedFrameError
 */
export function readEnvelope(reader: MsgpackReader): Envelope {
  const nsp = reader.string()
  const rooms = readRooms(reader)
  const except = readRooms(reader)
  const flags = readFlags(reader)
  const encoding = reader.uint()
  if (encoding > Encoding.PARTS) {
    throw new MalformedFrameError(`a broadcast of unknown encoding ${encoding}`)
  }
  return { nsp, rooms, except, flags, isEncoded: encoding === Encoding.PARTS }
}

function readRooms(reader: MsgpackReader): ReadonlySet<string> {
  const count = reader.arrayHeader()
  if (count === 0) return NO_ROOMS
  if (count > MAX_ROOMS) throw new MalformedFrameError(`${count} rooms`, 'tooMany')
  const rooms = new Set<string>()
  for (let i = 0; i < count; i++) rooms.add(reader.address() as string)
  return rooms
}

function readFlags(reader: MsgpackReader): WireFlags {
  const flags: WireFlags = {}
  for (let pairs = reader.mapHeader(); pairs > 0; pairs--) {
    switch (reader.string()) {
      case 'volatile':
        flags.volatile = reader.boolean()
        break
      case 'compress':
        flags.compress = reader.boolean()
        break
      case 'timeout':
        flags.timeout = reader.uint()
        break
      default:
        reader.skip()
    }
  }
  return flags
}

const NO_ROOMS: ReadonlySet<string> = new Set()
const NOTHING: Envelope = { nsp: '', rooms: NO_ROOMS, except: NO_ROOMS, flags: {}, isEncoded: true }

function startsWith({ buf, pos, end }: MsgpackReader, bytes: Uint8Array): boolean {
  const { length } = bytes
  if (length > end - pos) return false
  // from its end, where the envelopes of different rooms differ
  for (let i = length - 1; i >= 0; i--) if (buf[pos + i] !== bytes[i]) return false
  return true
}
