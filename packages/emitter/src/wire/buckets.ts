import { FNV_OFFSET, FNV_PRIME, fnv1a } from './fnv.js'

/**
 * Buckets: an address, which is a namespace or a room in one, hashes to one of a fixed number of
 * them, and each has a topic of its own. Who sends to an address and who is interested in it come to
 * the same bucket by its name alone. See docs/protocol.md.
 */

const BUCKET_BITS = 14
/** How many buckets there are. */
export const BUCKETS = 2 ** BUCKET_BITS

/** Socket.IO makes this namespace on every server, so that nobody is spared what goes to all of it. */
const MAIN_NAMESPACE = '/'

/**
 * The bucket of a broadcast's address.
 * @returns `undefined` for what is not directed: several rooms, all of the main namespace, and the
 *   rooms that {@link bucketOfRoom} leaves out
 */
export function bucketOf(nsp: string, rooms: ReadonlySet<unknown>): number | undefined {
  if (rooms.size === 0) return bucketOfNamespace(nsp)
  if (rooms.size > 1) return undefined
  for (const room of rooms) return bucketOfRoom(nsp, room)
}

/** The bucket of a whole namespace; `undefined` for the main one. */
export function bucketOfNamespace(nsp: string): number | undefined {
  return nsp === MAIN_NAMESPACE ? undefined : fold(hash(FNV_OFFSET, nsp))
}

/**
 * The bucket of a room.
 * @returns `undefined` for a room whose name is no string, or looks like the id of a socket: each
 *   client is in a room of its own id, and those rooms alone would fill every bucket
 */
export function bucketOfRoom(nsp: string, room: unknown): number | undefined {
  if (typeof room !== 'string' || looksLikeSocketId(room)) return undefined
  // a byte 0 between the two
  return fold(hash(Math.imul(hash(FNV_OFFSET, nsp), FNV_PRIME), room))
}

/** The buckets of rooms, of those that have one. */
export function bucketsOfRooms(nsp: string, rooms: Iterable<unknown>): number[] {
  const buckets: number[] = []
  for (const room of rooms) {
    const bucket = bucketOfRoom(nsp, room)
    if (bucket !== undefined) buckets.push(bucket)
  }
  return buckets
}

/** Socket.IO's ids are 20 characters of base64 for URLs. */
function looksLikeSocketId(room: string): boolean {
  if (room.length !== 20) return false
  for (let i = 0; i < 20; i++) {
    const c = room.charCodeAt(i)
    const isLetter = (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a)
    const isOther = (c >= 0x30 && c <= 0x39) || c === 0x2d || c === 0x5f
    if (!isLetter && !isOther) return false
  }
  return true
}

/** FNV-1a over UTF-8, continued. */
function hash(start: number, text: string): number {
  let h = start
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) {
      const rest = Buffer.from(text.slice(i), 'utf8')
      return fnv1a(rest, 0, rest.length, h)
    }
    h = Math.imul(h ^ code, FNV_PRIME)
  }
  return h
}

/** All 32 bits count in those that are left. */
function fold(h: number): number {
  return (h ^ (h >>> BUCKET_BITS) ^ (h >>> (2 * BUCKET_BITS))) & (BUCKETS - 1)
}
