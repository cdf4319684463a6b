import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Audience } from '../src/bus/audience.js'
import { BucketSet } from '../src/wire/bucket-set.js'
import { BUCKETS } from '../src/wire/buckets.js'

const setOf = (...buckets: number[]) => {
  const set = new BucketSet()
  for (const bucket of buckets) set.add(bucket)
  return set
}

describe('the audience of a sender', () => {
  it('is interested in everything as long as nobody has told otherwise', () => {
    const audience = new Audience()
    audience.joined('a')
    audience.joined('b')
    expect([audience.members, audience.told, audience.interested(7)]).toEqual([2, 0, 2])
    audience.tell('a', setOf(7))
    audience.tell('b', setOf(8))
    expect([audience.told, audience.interested(7), audience.interested(9)]).toEqual([2, 1, 0])
  })

  it('remembers what a node has told before it was seen to join', () => {
    const audience = new Audience()
    audience.tell('a', setOf(7))
    expect([audience.members, audience.told]).toEqual([0, 0])
    audience.joined('a')
    expect([audience.interested(7), audience.interested(8)]).toEqual([1, 0])
  })

  it('does not remember more than a few of those who may never join', () => {
    const audience = new Audience()
    for (let i = 0; i < 1_000; i++) audience.tell(`node ${i}`, setOf(7))
    audience.joined('node 0')
    audience.joined('node 999')
    expect(audience.told).toBe(1)
  })

  it('is counted right, whoever comes, goes and tells', () => {
    const uid = fc.constantFrom('a', 'b', 'c')
    const buckets = fc.uniqueArray(fc.constantFrom<number[]>(0, 1, BUCKETS - 1))
    const step = fc.oneof(
      fc.record({
        kind: fc.constantFrom('join', 'leave'),
        uid,
        buckets: fc.constant<number[]>([]),
      }),
      fc.record({ kind: fc.constant('tell'), uid, buckets }),
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const audience = new Audience()
        const members = new Set<string>()
        const told = new Map<string, number[]>()
        for (const { kind, uid, buckets } of steps) {
          if (kind === 'join') {
            audience.joined(uid)
            members.add(uid)
          } else if (kind === 'leave') {
            audience.left(uid)
            members.delete(uid)
            told.delete(uid)
          } else {
            audience.tell(uid, setOf(...buckets))
            told.set(uid, buckets)
          }
          const tellers = [...members].filter((uid) => told.has(uid))
          expect([audience.members, audience.told]).toEqual([members.size, tellers.length])
          for (const bucket of [0, 1, 2, BUCKETS - 1]) {
            const isInterested = (uid: string) => told.get(uid)?.includes(bucket) ?? true
            expect(audience.interested(bucket)).toBe([...members].filter(isInterested).length)
          }
        }
      }),
    )
  })
})
