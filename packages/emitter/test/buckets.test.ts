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
  return Number((hash ^ (hash >> 14n) ^ (hash >> 28n)) & 0x3fffn)
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
    ['/', 'news', 'd22'],
    ['/chat', 'news', '0qq'],
    ['/', 'größe', '0if'],
    ['/', '', 'dtr'],
  ])('of room %2$j in %1$j is that of the protocol’s examples', (nsp, room, digits) => {
    expect(bucketOfRoom(nsp, room)).toBe(Number.parseInt(digits, 32))
  })

  it('of the namespace /chat is that of the protocol’s example', () => {
    expect(bucketOfNamespace('/chat')).toBe(Number.parseInt('fqj', 32))
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

  it.each([
    ['user:7', (i: number) => `user:${i}`],
    ['7', (i: number) => `${i}`],
    ['game-00000007', (i: number) => `game-${String(i).padStart(8, '0')}`],
    ['/docs/7/edits', (i: number) => `/docs/${i}/edits`],
  ])('spreads rooms with names like %s over all buckets', (_, name) => {
    const counts = new Uint32Array(BUCKETS)
    for (let i = 0; i < 100 * BUCKETS; i++) counts[bucketOfRoom('/', name(i))!]!++
    expect(Math.min(...counts)).toBeGreaterThan(50)
    expect(Math.max(...counts)).toBeLessThan(200)
    // as even as if they were thrown at random, and no more uneven
    const squares = counts.reduce((sum, count) => sum + (count - 100) ** 2, 0)
    expect(squares / BUCKETS).toBeGreaterThan(90)
    expect(squares / BUCKETS).toBeLessThan(110)
  })
})
