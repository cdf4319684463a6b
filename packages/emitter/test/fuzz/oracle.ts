import { inspect, isDeepStrictEqual } from 'node:util'
import msgpack from 'msgpack-lite'

/**
 * What a frame says, read without a line of what is tested: values are found by what the MessagePack
 * specification says of their lengths, and decoded by msgpack-lite.
 */
export interface Said {
  uid: string
  seq: number
  messages: unknown[][]
}

/** @returns `undefined` for what is no frame */
export function readFrame(body: Buffer): Said | undefined {
  const values = slices(body)
  if (values === undefined) return undefined
  const [header, ...rest] = values
  const decoded = header && decode(header)
  if (!Array.isArray(decoded) || decoded.length !== 3 || decoded[0] !== 1) return undefined
  const [, uid, seq] = decoded
  if (typeof uid !== 'string' || uid.length !== 16) return undefined
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 0) return undefined
  return { uid, seq, messages: rest.map((bytes) => arrayOf(bytes)) }
}

/** The elements of a message, of which some may be beyond what msgpack-lite can decode. */
function arrayOf(bytes: Buffer): unknown[] {
  const whole = decode(bytes)
  if (Array.isArray(whole)) return whole
  const first = bytes[0] as number
  const header = first >= 0x90 && first <= 0x9f ? 1 : first === 0xdc ? 3 : first === 0xdd ? 5 : 0
  if (header === 0) return []
  return (slices(bytes.subarray(header)) ?? []).map((element) => decode(element))
}

/** What msgpack-lite cannot decode. */
export const UNDECODABLE = Symbol('undecodable')

/** One value, without what could change prototypes; or {@link UNDECODABLE}. */
export function decode(bytes: Buffer): unknown {
  try {
    return plain(msgpack.decode(bytes))
  } catch {
    return UNDECODABLE
  }
}

const EVERYTHING = { depth: null, maxArrayLength: null, maxStringLength: null }

/** Equal in all parts and types, and faster than what tells how they differ. */
export function checkSame(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return
  // an invalid date is not even equal to itself
  const [is, should] = [actual, expected].map((value) => inspect(value, EVERYTHING))
  if (is !== should) throw new Error(`${what}: ${is} instead of ${should}`)
}

/** Without what a key `__proto__` has made of a map. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (Object.getPrototypeOf(value ?? 0)?.constructor.name === 'ExtBuffer') return value
  const isMap = Object.prototype.toString.call(value) === '[object Object]'
  if (!isMap || typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, item]) => {
    const isObject = typeof item === 'object' && item !== null
    return !(key === 'constructor' && isObject && Object.hasOwn(item, 'prototype'))
  })
  return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]))
}

/** The values of a stream, each in its bytes; `undefined` if the last one is cut short. */
export function slices(bytes: Buffer): Buffer[] | undefined {
  const values: Buffer[] = []
  let pos = 0
  while (pos < bytes.length) {
    const end = endOf(bytes, pos)
    if (end === undefined) return undefined
    values.push(bytes.subarray(pos, end))
    pos = end
  }
  return values
}

/** Where the value ends that begins at a place. */
function endOf(bytes: Buffer, start: number): number | undefined {
  let pos = start
  // instead of recursion: how many values are still to come
  for (let left = 1; left > 0; left--) {
    if (pos >= bytes.length) return undefined
    const shape = shapeOf(bytes, pos)
    if (shape === undefined) return undefined
    pos += shape.bytes
    left += shape.values
    if (pos > bytes.length || left > bytes.length) return undefined
  }
  return pos
}

/** How many bytes a value's head and content take, and how many values follow that belong to it. */
function shapeOf(bytes: Buffer, pos: number): { bytes: number; values: number } | undefined {
  const type = bytes[pos] as number
  const sized = (width: 1 | 2 | 4, extra = 0) => {
    if (pos + 1 + width > bytes.length) return undefined
    return { bytes: 1 + width + extra + bytes.readUIntBE(pos + 1, width), values: 0 }
  }
  const counted = (width: 2 | 4, perItem: 1 | 2) => {
    if (pos + 1 + width > bytes.length) return undefined
    return { bytes: 1 + width, values: bytes.readUIntBE(pos + 1, width) * perItem }
  }
  if (type <= 0x7f || type >= 0xe0) return { bytes: 1, values: 0 }
  if (type <= 0x8f) return { bytes: 1, values: (type & 15) * 2 }
  if (type <= 0x9f) return { bytes: 1, values: type & 15 }
  if (type <= 0xbf) return { bytes: 1 + (type & 31), values: 0 }
  switch (type) {
    case 0xc1:
      return undefined
    case 0xc4:
    case 0xd9:
      return sized(1)
    case 0xc5:
    case 0xda:
      return sized(2)
    case 0xc6:
    case 0xdb:
      return sized(4)
    case 0xc7:
      return sized(1, 1)
    case 0xc8:
      return sized(2, 1)
    case 0xc9:
      return sized(4, 1)
    case 0xdc:
      return counted(2, 1)
    case 0xdd:
      return counted(4, 1)
    case 0xde:
      return counted(2, 2)
    case 0xdf:
      return counted(4, 2)
    default:
      return { bytes: FIXED[type] as number, values: 0 }
  }
}

/** The values of a fixed length, with their heads. */
const FIXED: Record<number, number> = {
  ...{ 192: 1, 194: 1, 195: 1, 202: 5, 203: 9, 204: 2, 205: 3, 206: 5, 207: 9 },
  ...{ 208: 2, 209: 3, 210: 5, 211: 9, 212: 3, 213: 4, 214: 6, 215: 10, 216: 18 },
}
