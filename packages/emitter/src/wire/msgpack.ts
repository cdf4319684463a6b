/**
 * The part of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) that the hot path
 * needs, written straight into and read straight out of a frame's buffer. Everything else goes
 * through msgpack-lite, which the tests hold this file against in both directions.
 */

import { readText, SHORT_TEXT, writeText } from './text.js'

/** In which way a frame or a message is not what the protocol says; see docs/protocol.md. */
export type MalformedReason =
  | 'wrongType'
  | 'cutShort'
  | 'tooDeep'
  | 'tooMany'
  | 'tooLong'
  | 'reservedEvent'

/** A value in a frame that is not what the protocol says should stand there. */
export class MalformedFrameError extends Error {
  override name = 'MalformedFrameError'

  constructor(
    message: string,
    /** For the statistics. */
    readonly reason: MalformedReason = 'wrongType',
  ) {
    super(message)
  }
}

/** How deep values may nest: data of users may, and the call stack holds about three times this. */
export const MAX_DEPTH = 512
/** An emptied writer that has grown beyond this gives its memory back. */
const MAX_IDLE_BYTES = 512 * 1024

export const TWO_32 = 0x1_0000_0000

/** Appends MessagePack values to a buffer that grows as needed. */
export class MsgpackWriter {
  #buf: Buffer
  #pos = 0

  /** @param initialBytes - the size of the buffer before it grows */
  constructor(initialBytes = 1024) {
    this.#buf = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#pos
  }

  /** Forgets everything written after the first `length` bytes. */
  truncate(length: number): void {
    this.#pos = length
    if (length === 0 && this.#buf.length > MAX_IDLE_BYTES) this.#buf = Buffer.allocUnsafeSlow(1024)
  }

  /** A copy of what has been written from `start` on, which later writes leave alone. */
  copy(start = 0): Buffer {
    const out = Buffer.allocUnsafe(this.#pos - start)
    this.#buf.copy(out, 0, start, this.#pos)
    return out
  }

  /** What has been written from `start` to `end`, until the next write. */
  view(start: number, end: number): Uint8Array {
    return this.#buf.subarray(start, end)
  }

  #ensure(bytes: number): void {
    const needed = this.#pos + bytes
    if (needed <= this.#buf.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buf.length * 2))
    this.#buf.copy(grown, 0, 0, this.#pos)
    this.#buf = grown
  }

  nil(): void {
    this.#ensure(1)
    this.#buf[this.#pos++] = 0xc0
  }

  boolean(value: boolean): void {
    this.#ensure(1)
    this.#buf[this.#pos++] = value ? 0xc3 : 0xc2
  }

  /** @param value - an integer from 0 to 2^53 - 1 */
  uint(value: number): void {
    this.#ensure(9)
    const buf = this.#buf
    if (value < 0x80) {
      buf[this.#pos++] = value
    } else if (value < 0x100) {
      buf[this.#pos++] = 0xcc
      buf[this.#pos++] = value
    } else if (value < 0x1_0000) {
      buf[this.#pos++] = 0xcd
      this.#pos = buf.writeUInt16BE(value, this.#pos)
    } else if (value < TWO_32) {
      buf[this.#pos++] = 0xce
      this.#pos = buf.writeUInt32BE(value, this.#pos)
    } else {
      buf[this.#pos++] = 0xcf
      this.#pos = buf.writeUInt32BE(Math.floor(value / TWO_32), this.#pos)
      this.#pos = buf.writeUInt32BE(value % TWO_32, this.#pos)
    }
  }

  /** Any number; one that is no integer, or beyond 32 bits and negative, takes 9 bytes. */
  number(value: number): void {
    if (value >= 0 && Number.isSafeInteger(value)) return this.uint(value)
    this.#ensure(9)
    const buf = this.#buf
    if (value < -0x8000_0000 || (value | 0) !== value) {
      buf[this.#pos++] = 0xcb
      this.#pos = buf.writeDoubleBE(value, this.#pos)
    } else if (value >= -0x20) {
      buf[this.#pos++] = value & 0xff
    } else {
      buf[this.#pos++] = 0xd2
      this.#pos = buf.writeInt32BE(value, this.#pos)
    }
  }

  arrayHeader(length: number): void {
    this.#ensure(5)
    const buf = this.#buf
    if (length < 16) {
      buf[this.#pos++] = 0x90 | length
    } else if (length < 0x1_0000) {
      buf[this.#pos++] = 0xdc
      this.#pos = buf.writeUInt16BE(length, this.#pos)
    } else {
      buf[this.#pos++] = 0xdd
      this.#pos = buf.writeUInt32BE(length, this.#pos)
    }
  }

  /** @param length - the number of pairs */
  mapHeader(length: number): void {
    this.#ensure(5)
    const buf = this.#buf
    if (length < 16) {
      buf[this.#pos++] = 0x80 | length
    } else if (length < 0x1_0000) {
      buf[this.#pos++] = 0xde
      this.#pos = buf.writeUInt16BE(length, this.#pos)
    } else {
      buf[this.#pos++] = 0xdf
      this.#pos = buf.writeUInt32BE(length, this.#pos)
    }
  }

  string(value: string): void {
    const chars = value.length
    // a UTF-16 code unit takes at most 3 bytes of UTF-8; 5 for the longest header
    this.#ensure(chars * 3 + 5)
    const buf = this.#buf
    const start = this.#pos
    if (chars <= SHORT_TEXT) {
      let pos = start + 1
      let i = 0
      for (; i < chars; i++) {
        const code = value.charCodeAt(i)
        if (code > 0x7f) break
        buf[pos++] = code
      }
      if (i === chars) {
        buf[start] = 0xa0 | chars
        this.#pos = pos
        return
      }
    }
    // Written where it belongs if it is all ASCII, and moved up where its header turns out longer.
    const guess = stringHeaderBytes(chars)
    const bytes = writeText(buf, value, start + guess)
    const header = stringHeaderBytes(bytes)
    if (header !== guess) buf.copyWithin(start + header, start + guess, start + guess + bytes)
    switch (header) {
      case 1:
        buf[start] = 0xa0 | bytes
        break
      case 2:
        buf[start] = 0xd9
        buf[start + 1] = bytes
        break
      case 3:
        buf[start] = 0xda
        buf.writeUInt16BE(bytes, start + 1)
        break
      default:
        buf[start] = 0xdb
        buf.writeUInt32BE(bytes, start + 1)
    }
    this.#pos = start + header + bytes
  }

  binary(bytes: Uint8Array): void {
    const length = bytes.byteLength
    this.#ensure(length + 5)
    const buf = this.#buf
    if (length < 0x100) {
      buf[this.#pos++] = 0xc4
      buf[this.#pos++] = length
    } else if (length < 0x1_0000) {
      buf[this.#pos++] = 0xc5
      this.#pos = buf.writeUInt16BE(length, this.#pos)
    } else {
      buf[this.#pos++] = 0xc6
      this.#pos = buf.writeUInt32BE(length, this.#pos)
    }
    this.raw(bytes)
  }

  /** Appends bytes that are MessagePack already. */
  raw(bytes: Uint8Array): void {
    this.#ensure(bytes.byteLength)
    this.#buf.set(bytes, this.#pos)
    this.#pos += bytes.byteLength
  }
}

function stringHeaderBytes(bytes: number): number {
  return bytes < 32 ? 1 : bytes < 0x100 ? 2 : bytes < 0x1_0000 ? 3 : 5
}

/**
 * Reads MessagePack values one after the other. Every read checks the type and the bounds, and
 * throws {@link MalformedFrameError} where they do not fit: the bytes come from the network.
 */
export class MsgpackReader {
  readonly buf: Buffer
  pos: number
  /** Nothing is read from here on. */
  end: number

  constructor(buf: Buffer, pos = 0, end = buf.length) {
    this.buf = buf
    this.pos = pos
    this.end = end
  }

  get done(): boolean {
    return this.pos >= this.end
  }

  #byte(): number {
    if (this.pos >= this.end) throw cutShort()
    return this.buf[this.pos++] as number
  }

  #big(bytes: 1 | 2 | 4): number {
    const at = this.pos
    this.#advance(bytes)
    return bytes === 1
      ? (this.buf[at] as number)
      : bytes === 2
        ? this.buf.readUInt16BE(at)
        : this.buf.readUInt32BE(at)
  }

  #advance(bytes: number): void {
    if (bytes > this.end - this.pos) throw cutShort()
    this.pos += bytes
  }

  /** An integer from 0 to 2^53 - 1, in whichever of MessagePack's forms it comes. */
  uint(): number {
    const type = this.#byte()
    if (type < 0x80) return type
    switch (type) {
      case 0xcc:
        return this.#big(1)
      case 0xcd:
        return this.#big(2)
      case 0xce:
        return this.#big(4)
      case 0xcf:
        return checkedUint(this.#big(4) * TWO_32 + this.#big(4))
      case 0xcb: {
        // msgpack-lite writes what is beyond 32 bits as a double
        const at = this.pos
        this.#advance(8)
        return checkedUint(this.buf.readDoubleBE(at))
      }
      default:
        throw expected('an unsigned integer', type)
    }
  }

  boolean(): boolean {
    const type = this.#byte()
    if (type === 0xc3) return true
    if (type === 0xc2) return false
    throw expected('a boolean', type)
  }

  arrayHeader(): number {
    const type = this.#byte()
    if (type >= 0x90 && type <= 0x9f) return type & 0x0f
    if (type === 0xdc) return this.#big(2)
    if (type === 0xdd) return this.#big(4)
    throw expected('an array', type)
  }

  mapHeader(): number {
    const type = this.#byte()
    if (type >= 0x80 && type <= 0x8f) return type & 0x0f
    if (type === 0xde) return this.#big(2)
    if (type === 0xdf) return this.#big(4)
    throw expected('a map', type)
  }

  string(): string {
    const start = this.skipString()
    return readText(this.buf, start, this.pos)
  }

  /** Passes over a string. Returns where its bytes begin; they end where the reader is then. */
  skipString(): number {
    const bytes = this.#stringHeader()
    const start = this.pos
    this.#advance(bytes)
    return start
  }

  /** A room's name: a string, or what a careless user joined instead, a number or nothing. */
  address(): string | number | null {
    const type = this.buf[this.pos] as number
    if (type === 0xc0 && this.pos < this.end) {
      this.pos++
      return null
    }
    return type < 0x80 || (type >= 0xca && type <= 0xd3) || type >= 0xe0
      ? this.#number()
      : this.string()
  }

  /** Any number, in whichever of MessagePack's forms it comes. */
  #number(): number {
    const start = this.pos
    const type = this.#byte()
    const at = this.pos
    switch (type) {
      case 0xca:
        this.#advance(4)
        return this.buf.readFloatBE(at)
      case 0xcb:
        this.#advance(8)
        return this.buf.readDoubleBE(at)
      case 0xd0:
        this.#advance(1)
        return this.buf.readInt8(at)
      case 0xd1:
        this.#advance(2)
        return this.buf.readInt16BE(at)
      case 0xd2:
        this.#advance(4)
        return this.buf.readInt32BE(at)
      case 0xd3:
        this.#advance(8)
        return Number(this.buf.readBigInt64BE(at))
    }
    if (type >= 0xe0) return type - 0x100
    this.pos = start
    return this.uint()
  }

  #stringHeader(): number {
    const type = this.#byte()
    if (type >= 0xa0 && type <= 0xbf) return type & 0x1f
    if (type === 0xd9) return this.#big(1)
    if (type === 0xda) return this.#big(2)
    if (type === 0xdb) return this.#big(4)
    throw expected('a string', type)
  }

  /** The bytes of a binary, as a view into the frame. */
  binary(): Buffer {
    const type = this.#byte()
    if (type < 0xc4 || type > 0xc6) throw expected('a binary', type)
    const bytes = this.#big(type === 0xc4 ? 1 : type === 0xc5 ? 2 : 4)
    const start = this.pos
    this.#advance(bytes)
    return this.buf.subarray(start, this.pos)
  }

  /** Whether the next value is a binary. */
  atBinary(): boolean {
    const type = this.buf[this.pos] as number
    return this.pos < this.end && type >= 0xc4 && type <= 0xc6
  }

  /** Passes over the next value, whatever it is. */
  skip(): void {
    this.skipMany(1)
  }

  /** Passes over so many values. */
  skipMany(count: number, depth = 0): void {
    // every value takes a byte at least, so that a forged length ends here and not in a long loop
    if (count > this.end - this.pos) throw cutShort()
    if (depth > MAX_DEPTH && count > 0) {
      throw new MalformedFrameError(`values nest deeper than ${MAX_DEPTH}`, 'tooDeep')
    }
    const { buf, end } = this
    for (let left = count; left > 0; left--) {
      // What stands in most messages is passed over here: half the time of a call for each value.
      const { pos } = this
      const type = pos < end ? (buf[pos] as number) : 0xc1
      if (type < 0x80 || type === 0x80 || type === 0x90) this.pos++
      else if (type === 0x91 && depth < MAX_DEPTH && pos + 2 < end && buf[pos + 1] === 0xd9) {
        this.#advance(3 + (buf[pos + 2] as number)) // a payload of one text
      } else if (type >= 0xa0 && type < 0xc0) this.#advance(1 + (type & 0x1f))
      else this.#skipOther(depth)
    }
  }

  #skipOther(depth: number): void {
    const type = this.#byte()
    if (type >= 0xe0) return
    if (type < 0x90) return this.skipMany((type & 0x0f) * 2, depth + 1)
    if (type < 0xa0) return this.skipMany(type & 0x0f, depth + 1)
    switch (type) {
      case 0xc0: // nil, false, true
      case 0xc2:
      case 0xc3:
        return
      case 0xc4: // binary, string
      case 0xd9:
        return this.#advance(this.#big(1))
      case 0xc5:
      case 0xda:
        return this.#advance(this.#big(2))
      case 0xc6:
      case 0xdb:
        return this.#advance(this.#big(4))
      case 0xc7: // extension: length, type, bytes
        return this.#advance(this.#big(1) + 1)
      case 0xc8:
        return this.#advance(this.#big(2) + 1)
      case 0xc9:
        return this.#advance(this.#big(4) + 1)
      case 0xcc: // numbers
      case 0xd0:
        return this.#advance(1)
      case 0xcd:
      case 0xd1:
      case 0xd4: // the extensions of a fixed length: type, bytes
        return this.#advance(2)
      case 0xd5:
        return this.#advance(3)
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.#advance(4)
      case 0xd6:
        return this.#advance(5)
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.#advance(8)
      case 0xd7:
        return this.#advance(9)
      case 0xd8:
        return this.#advance(17)
      case 0xdc: // arrays, maps
        return this.skipMany(this.#big(2), depth + 1)
      case 0xdd:
        return this.skipMany(this.#big(4), depth + 1)
      case 0xde:
        return this.skipMany(this.#big(2) * 2, depth + 1)
      case 0xdf:
        return this.skipMany(this.#big(4) * 2, depth + 1)
      default:
        throw expected('a value', type)
    }
  }
}

function checkedUint(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new MalformedFrameError('a number is out of range')
}

export function cutShort(): MalformedFrameError {
  return new MalformedFrameError('the frame is cut short', 'cutShort')
}

function expected(what: string, type: number): MalformedFrameError {
  return new MalformedFrameError(`expected ${what}, found 0x${type.toString(16).padStart(2, '0')}`)
}
