import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Members } from '../src/bus/members.js'

const GRACE_MS = 2000
const SETTLE_MS = 25

/** Members of a cluster whose link is up. */
function membersOf(...uids: string[]): Members {
  const members = new Members(GRACE_MS, SETTLE_MS)
  members.linkUp(0)
  for (const uid of uids) members.appeared(uid)
  return members
}

describe('the members', () => {
  it('are those whose subscription was seen, each new once', () => {
    const members = membersOf()
    expect(members.appeared('a')).toBe(true)
    expect(members.appeared('a')).toBe(false)
    expect(members.appeared('b')).toBe(true)
    expect([...members.uids()]).toEqual(['a', 'b'])
    expect([members.size, members.has('a'), members.has('c')]).toEqual([2, true, false])
    expect(members.nextExpiry()).toBeUndefined()
  })

  it('lose a node that died, after the settling time and not before', () => {
    const members = membersOf('a', 'b')
    members.vanished('a', 1000)
    expect(members.nextExpiry()).toBe(1000 + SETTLE_MS)
    expect(members.expire(1000 + SETTLE_MS - 1)).toEqual([])
    expect(members.has('a')).toBe(true)
    expect(members.expire(1000 + SETTLE_MS)).toEqual(['a'])
    expect([...members.uids()]).toEqual(['b'])
    expect(members.expire(99_999)).toEqual([])
  })

  it('keep a node that comes back while it settles', () => {
    const members = membersOf('a')
    members.vanished('a', 1000)
    expect(members.appeared('a')).toBe(false)
    expect(members.nextExpiry()).toBeUndefined()
    expect(members.expire(99_999)).toEqual([])
  })

  it('take no notice of a stranger who goes', () => {
    const members = membersOf('a')
    members.vanished('z', 1000)
    expect(members.nextExpiry()).toBeUndefined()
    expect(members.expire(99_999)).toEqual([])
  })

  it('are all kept while the broker is dead, and until the grace time after the link is up', () => {
    const members = membersOf('a', 'b', 'c')
    // the subscriptions of all vanish, one's own in the midst of them
    members.vanished('a', 1000)
    members.linkDown()
    members.vanished('b', 1001)
    members.vanished('c', 1001)
    expect(members.expire(500_000)).toEqual([])
    expect(members.nextExpiry()).toBeUndefined()
    members.linkUp(600_000)
    expect(members.nextExpiry()).toBe(600_000 + GRACE_MS)
    expect(members.expire(600_000 + GRACE_MS - 1)).toEqual([])
    expect(members.expire(600_000 + GRACE_MS)).toEqual(['a', 'b', 'c'])
  })

  it('keep those who come back with the broker, before the link is up or after', () => {
    const members = membersOf('a', 'b', 'c')
    members.linkDown()
    for (const uid of ['a', 'b', 'c']) members.vanished(uid, 1000)
    expect(members.appeared('a')).toBe(false)
    members.linkUp(5000)
    expect(members.appeared('b')).toBe(false)
    expect(members.expire(5000 + GRACE_MS)).toEqual(['c'])
    expect([...members.uids()]).toEqual(['a', 'b'])
  })

  it('keep those whose subscription stayed, since nothing but the own way back was cut', () => {
    const members = membersOf('a', 'b')
    members.linkDown()
    members.vanished('b', 1000)
    members.linkUp(2000)
    expect(members.expire(2000 + GRACE_MS)).toEqual(['b'])
    expect(members.expire(99_999)).toEqual([])
    expect([...members.uids()]).toEqual(['a'])
  })

  it('lose a node after the grace time that came back and died before the link was up', () => {
    const members = membersOf('a')
    members.linkDown()
    members.vanished('a', 1000)
    members.appeared('a')
    members.vanished('a', 4000)
    expect(members.expire(4999)).toEqual([])
    members.linkUp(5000)
    expect(members.expire(5000 + GRACE_MS)).toEqual(['a'])
  })

  it('know a node that joined before the link was up for the first time', () => {
    const members = new Members(GRACE_MS, SETTLE_MS)
    expect(members.appeared('a')).toBe(true)
    members.linkUp(0)
    expect(members.expire(99_999)).toEqual([])
    expect(members.has('a')).toBe(true)
  })

  it('are present while their subscription is there, and no longer', () => {
    const members = membersOf('a', 'b')
    expect([members.isPresent('a'), members.isPresent('z')]).toEqual([true, false])
    members.vanished('a', 1000)
    expect([members.has('a'), members.isPresent('a')]).toEqual([true, false])
    members.linkDown()
    expect([members.has('b'), members.isPresent('b')]).toEqual([true, true])
    members.vanished('b', 1001)
    expect([members.has('b'), members.isPresent('b')]).toEqual([true, false])
    members.appeared('b')
    expect(members.isPresent('b')).toBe(true)
    members.linkUp(2000)
    expect([members.isPresent('a'), members.isPresent('b')]).toEqual([false, true])
  })

  it('count the grace time from the last time that the link came up', () => {
    const members = membersOf('a')
    members.linkDown()
    members.vanished('a', 500)
    members.linkUp(1000)
    members.linkDown()
    expect(members.expire(1000 + GRACE_MS)).toEqual([])
    members.linkUp(9000)
    expect(members.expire(9000 + GRACE_MS - 1)).toEqual([])
    expect(members.expire(9000 + GRACE_MS)).toEqual(['a'])
  })

  it('hold to these rules through any course of events', () => {
    const uid = fc.constantFrom('a', 'b', 'c')
    const event = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('appeared' as const), uid }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('vanished' as const), uid }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'linkDown' as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: 'linkUp' as const }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('wait' as const),
          ms: fc.constantFrom(0, 1, SETTLE_MS - 1, SETTLE_MS, GRACE_MS - 1, GRACE_MS, 10_000),
        }),
      },
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const members = new Members(GRACE_MS, SETTLE_MS)
        let now = 0
        let linkIsUp = false
        /** Those whose subscription is there. */
        const present = new Set<string>()
        /** The members, and the time from which they may be dropped. */
        const known = new Map<string, number>()

        for (const event of events) {
          if (event.kind === 'appeared') {
            expect(members.appeared(event.uid)).toBe(!known.has(event.uid))
            present.add(event.uid)
            known.set(event.uid, Number.POSITIVE_INFINITY)
          } else if (event.kind === 'vanished') {
            members.vanished(event.uid, now)
            present.delete(event.uid)
            if (known.has(event.uid) && linkIsUp) known.set(event.uid, now + SETTLE_MS)
          } else if (event.kind === 'linkDown') {
            members.linkDown()
            linkIsUp = false
          } else if (event.kind === 'linkUp') {
            if (linkIsUp) continue
            members.linkUp(now)
            linkIsUp = true
            for (const uid of known.keys()) {
              if (!present.has(uid)) known.set(uid, now + GRACE_MS)
            }
          } else {
            now += event.ms
            const dropped = members.expire(now)
            for (const uid of dropped) {
              expect(linkIsUp).toBe(true)
              expect(present.has(uid)).toBe(false)
              expect(known.get(uid)).toBeLessThanOrEqual(now)
              known.delete(uid)
            }
          }
          for (const uid of ['a', 'b', 'c']) expect(members.isPresent(uid)).toBe(present.has(uid))
          expect([...members.uids()].sort()).toEqual([...known.keys()].sort())
          expect(members.size).toBe(known.size)
          if (!linkIsUp) expect(members.nextExpiry()).toBeUndefined()
        }

        // when everything has come to rest, the members are those who are there
        if (!linkIsUp) members.linkUp(now)
        now += GRACE_MS + SETTLE_MS
        members.expire(now)
        expect([...members.uids()].sort()).toEqual([...present].sort())
        expect(members.nextExpiry()).toBeUndefined()
      }),
      { numRuns: 1000 },
    )
  })
})
