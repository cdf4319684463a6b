import msgpack from 'msgpack-lite'
import { MAX_DEPTH, MalformedFrameError, MsgpackReader } from './msgpack.js'

/**
 * Values of JavaScript's own types (dates, typed arrays, errors and so on), which are extensions in
 * MessagePack: through msgpack-lite, which takes what it is given. What comes from the network is
 * weighed before, and its maps are made plain after.
 */

/** The extension types of msgpack-lite whose content are bytes, and not MessagePack again. */
const FIRST_BYTES_EXTENSION = 0x10
/** What msgpack-lite makes of extensions that it does not know. */
const UNKNOWN_EXTENSION: unknown = Object.getPrototypeOf(
  msgpack.decode(Buffer.from([0xd4, 0x7f, 0])),
)

/**
 * Encodes what is no plain value.
 * @param depth - how deep it stands
 * @throws RangeError if it nests too deep; whatever msgpack-lite throws on a value that it cannot
 *   write, such as a BigInt
 */
export function encodeExtension(value: unknown, depth: number): Buffer {
  let bytes: Buffer
  try {
    bytes = msgpack.encode(value)
  } catch (cause) {
    // of those, only what nests without end is found by the call stack
    throw cause instanceof RangeError ? tooDeep(cause) : cause
  }
  try {
    // who receives it would refuse the frame, and with it all that is in it
    new MsgpackReader(bytes).skipMany(1, depth)
  } catch (cause) {
    throw tooDeep(cause)
  }
  return bytes
}

export function tooDeep(cause?: unknown): RangeError {
  return new RangeError(
    `cannot send data to other servers that contains itself, or nests deeper than ${MAX_DEPTH} levels`,
    { cause },
  )
}

/**
 * Decodes an extension, whose weight has been counted.
 * @throws MalformedFrameError also for what msgpack-lite trips over: an extension type's contents
 *   are not looked at before
 */
export function decodeExtension(bytes: Buffer): unknown {
  try {
    return plain(msgpack.decode(bytes))
  } catch (error) {
    throw new MalformedFrameError(`a value that cannot be decoded: ${error}`)
  }
}

/**
 * Counts the values in a stream that take much more memory than bytes. Maps and arrays need no
 * recursion: what is in them follows.
 */
export function countObjects(bytes: Buffer): number {
  let objects = 0
  let pos = 0
  while (pos < bytes.length) {
    const type = bytes[pos++] as number
    if (type < 0x80 || type >= 0xe0) continue
    if (type < 0xa0) objects++
    else if (type < 0xc0) pos += type & 0x1f
    else if (type < 0xc4) continue
    else if (type >= 0xd9 && type <= 0xdb)
      pos += 2 ** (type - 0xd9) + length(bytes, pos, type - 0xd9)
    else if (type >= 0xdc) {
      objects++
      pos += type % 2 === 0 ? 2 : 4
    } else if (type <= 0xc6) {
      objects++
      pos += 2 ** (type - 0xc4) + length(bytes, pos, type - 0xc4)
    } else if (type <= 0xc9) {
      const size = length(bytes, pos, type - 0xc7)
      pos += 2 ** (type - 0xc7)
      objects += weightOfExtension(bytes[pos] as number, size)
      pos += 1 + size
    } else if (type >= 0xd4) {
      const size = 2 ** (type - 0xd4)
      objects += weightOfExtension(bytes[pos] as number, size)
      pos += 1 + size
    } else pos += NUMBER_BYTES[type - 0xca] as number
  }
  return objects
}

/** The bytes of the numbers from 0xca to 0xd3: floats, unsigned and signed integers. */
const NUMBER_BYTES = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8]

/** A length in 1, 2 or 4 bytes. */
function length(bytes: Buffer, pos: number, log2: number): number {
  if (pos + 2 ** log2 > bytes.length) return 0 // cut short, which others find
  return bytes.readUIntBE(pos, 2 ** log2)
}

/** What is MessagePack again may be one object for each byte. */
export function weightOfExtension(type: number, size: number): number {
  return type < FIRST_BYTES_EXTENSION ? 1 + size : 1
}

/**
 * Takes out of maps what would change prototypes: here, where msgpack-lite sets `__proto__` like any
 * key, and later, where the maps are copied into other objects.
 */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (const item of value) plain(item)
    return value
  }
  if (value instanceof Error) {
    // its message may have come as a map
    for (const key of Object.getOwnPropertyNames(value)) plain(value[key as keyof Error])
    return value
  }
  // not a Date, a Buffer and so on, none of which a key can make a map into
  if (Object.prototype.toString.call(value) !== '[object Object]') return value
  const prototype = Object.getPrototypeOf(value)
  if (prototype === UNKNOWN_EXTENSION) return value
  if (prototype !== Object.prototype) Object.setPrototypeOf(value, Object.prototype)
  const map = value as Record<string, unknown>
  for (const key of Object.keys(map)) {
    if (key === 'constructor' && hasPrototypeKey(map[key])) delete map[key]
    else plain(map[key])
  }
  return value
}

export function hasPrototypeKey(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')
}
