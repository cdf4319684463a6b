import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BUCKETS,
  bucketOf,
  bucketOfNamespace,
  bucketOfRoom,
  bucketsOfRooms,
} from '../src/wire/buckets.js'
import { text } from './support/values.js'

/** FNV-1a over UTF-8, folded, as docs/protocol.md describes it. */
function reference(address: string): number {
  let hash = 0x811c9dc5n
  for (const byte of Buffer.from(address, 'utf8')) {
    hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffff_ffffn
  }
  return Number((hash ^ (hash >> 12n) ^ (hash >> 24n)) & 0xfffn)
}

const room = () => text().filter((room) => !/^[\w-]{20}$/.test(room))

describe('the bucket of an address', () => {
  it('is the hash that the protocol describes, of the namespace and the room', () => {
    fc.assert(
      fc.property(text(), room(), (nsp, room) => {
        expect(bucketOfRoom(nsp, room)).toBe(reference(`${nsp}\0${room}`))
        fc.pre(nsp !== '/')
        expect(bucketOfNamespace(nsp)).toBe(reference(nsp))
      }),
    )
  })

  it.each([
    ['/', 'news', 0x3cb],
    ['/chat', 'news', 0x9a5],
    ['/', 'größe', 0x914],
    ['/', '', 0x551],
  ])('of room %2$j in %1$j is that of the protocol’s examples', (nsp, room, bucket) => {
    expect(bucketOfRoom(nsp, room)).toBe(bucket)
  })

  it('of the namespace /chat is that of the protocol’s example', () => {
    expect(bucketOfNamespace('/chat')).toBe(0xd70)
  })

  it('is that of its one room, or of its namespace if there is no room', () => {
    expect(bucketOf('/chat', new Set(['news']))).toBe(bucketOfRoom('/chat', 'news'))
    expect(bucketOf('/chat', new Set())).toBe(bucketOfNamespace('/chat'))
  })

  it.each([
    ['several rooms', '/', ['news', 'sport']],
    ['the whole main namespace', '/', []],
    ['a room whose name is a number', '/', [7]],
    ['the room of a socket', '/', ['AAAAAAAAAAAAAAAAAAAA']],
    ['the room of another socket', '/chat', ['0-_zZ9aA0-_zZ9aA0-_z']],
  ])('is not there for %s', (_, nsp, rooms) => {
    expect(bucketOf(nsp, new Set<unknown>(rooms))).toBeUndefined()
  })

  it.each([
    'AAAAAAAAAAAAAAAAAAA', // 19 characters
    'AAAAAAAAAAAAAAAAAAAAA', // 21
    'AAAAAAAAAA AAAAAAAAA',
    'AAAAAAAAAAéAAAAAAAAA',
    'user:000000000000001',
  ])('is there for the room %j, which is none of a socket', (room) => {
    expect(bucketOfRoom('/', room)).toBeLessThan(BUCKETS)
  })

  it('is found for each of several rooms that has one', () => {
    expect(bucketsOfRooms('/', ['news', 7, 'AAAAAAAAAAAAAAAAAAAA', 'sport'])).toEqual([
      bucketOfRoom('/', 'news'),
      bucketOfRoom('/', 'sport'),
    ])
  })

  it('spreads the rooms that people have over all buckets', () => {
    const counts = new Uint32Array(BUCKETS)
    for (let i = 0; i < 100 * BUCKETS; i++) counts[bucketOfRoom('/', `user:${i}`)!]!++
    expect(Math.min(...counts)).toBeGreaterThan(50)
    expect(Math.max(...counts)).toBeLessThan(200)
  })
})
