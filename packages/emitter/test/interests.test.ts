import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Interests } from '../src/bus/interests.js'
import { BUCKETS } from '../src/wire/buckets.js'

const LINGER_MS = 100

describe('the interests of a node', () => {
  it('begin with the first address in a bucket, and end some time after the last', () => {
    const interests = new Interests(LINGER_MS)
    expect(interests.enter(5, 0)).toBe(true)
    expect(interests.enter(5, 1)).toBe(false)
    interests.leave(5, 10)
    expect(interests.nextExpiry()).toBeUndefined()
    interests.leave(5, 20)
    expect(interests.nextExpiry()).toBe(120)
    expect(interests.expire(119)).toEqual([])
    expect(interests.buckets.has(5)).toBe(true)
    expect(interests.expire(120)).toEqual([5])
    expect(interests.buckets.has(5)).toBe(false)
  })

  it('go on if an address comes back in time, and have lasted all the while', () => {
    const interests = new Interests(LINGER_MS)
    interests.enter(5, 0)
    interests.leave(5, 10)
    expect(interests.enter(5, 50)).toBe(false)
    expect(interests.expire(1_000)).toEqual([])
    expect(interests.since(5)).toBe(0)
  })

  it('begin anew after they have ended', () => {
    const interests = new Interests(LINGER_MS)
    interests.enter(5, 0)
    interests.leave(5, 0)
    interests.expire(100)
    expect(interests.since(5)).toBeUndefined()
    expect(interests.enter(5, 200)).toBe(true)
    expect(interests.since(5)).toBe(200)
  })

  it('take no notice of an address that leaves and was not there', () => {
    const interests = new Interests(LINGER_MS)
    interests.leave(5, 0)
    interests.enter(5, 0)
    interests.leave(5, 0)
    interests.leave(5, 50)
    expect(interests.nextExpiry()).toBe(100)
  })

  it('are every bucket with an address, and those without one for their time', () => {
    const step = fc.record({
      kind: fc.constantFrom('enter', 'leave', 'expire'),
      bucket: fc.constantFrom(0, 7, 8, BUCKETS - 1),
      ms: fc.nat(60),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const interests = new Interests(LINGER_MS)
        const addresses = new Map<number, number>()
        const leftAt = new Map<number, number>()
        const subscribed = new Set<number>()
        let now = 0
        for (const { kind, bucket, ms } of steps) {
          now += ms
          const count = addresses.get(bucket) ?? 0
          if (kind === 'enter') {
            addresses.set(bucket, count + 1)
            expect(interests.enter(bucket, now)).toBe(!subscribed.has(bucket))
            subscribed.add(bucket)
          } else if (kind === 'leave') {
            interests.leave(bucket, now)
            if (count === 1) leftAt.set(bucket, now)
            addresses.set(bucket, Math.max(0, count - 1))
          } else {
            for (const expired of interests.expire(now)) {
              expect(addresses.get(expired)).toBe(0)
              expect(now - leftAt.get(expired)!).toBeGreaterThanOrEqual(LINGER_MS)
              subscribed.delete(expired)
            }
            const next = interests.nextExpiry()
            if (next !== undefined) expect(next).toBeGreaterThan(now)
          }
          expect([...interests.buckets]).toEqual([...subscribed].sort((a, b) => a - b))
          expect(interests.buckets.size).toBe(subscribed.size)
          for (const [bucket, count] of addresses) {
            if (count > 0) expect(interests.buckets.has(bucket)).toBe(true)
          }
        }
      }),
    )
  })
})
