import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Link } from '../src/bus/link.js'

describe('the link', () => {
  it('is up when one’s own topic has come back, and then a probe', () => {
    const link = new Link()
    expect(link.isUp).toBe(false)
    expect(link.ownTopicAppeared()).toBe(true)
    expect(link.isUp).toBe(false)
    expect(link.probeReturned(link.nextProbe())).toBe(true)
    expect(link.isUp).toBe(true)
  })

  it('is not up by a probe that was sent before one’s own topic came back', () => {
    const link = new Link()
    const early = link.nextProbe()
    expect(link.probeReturned(early)).toBe(false)
    link.ownTopicAppeared()
    expect(link.probeReturned(early)).toBe(false)
    expect(link.isUp).toBe(false)
    link.nextProbe()
    expect(link.probeReturned(link.nextProbe())).toBe(true)
  })

  it('is not up by a probe that was sent before an outage', () => {
    const link = new Link()
    link.ownTopicAppeared()
    const early = link.nextProbe()
    link.ownTopicVanished()
    link.ownTopicAppeared()
    expect(link.probeReturned(early)).toBe(false)
    expect(link.probeReturned(link.nextProbe())).toBe(true)
  })

  it('says that it was up only when it was', () => {
    const link = new Link()
    expect(link.ownTopicVanished()).toBe(false)
    link.ownTopicAppeared()
    expect(link.ownTopicVanished()).toBe(false)
    link.ownTopicAppeared()
    link.probeReturned(link.nextProbe())
    expect(link.ownTopicVanished()).toBe(true)
    expect(link.ownTopicVanished()).toBe(false)
  })

  it('is up exactly while one’s own topic is there and a probe sent since then has come back', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constantFrom('appeared', 'vanished', 'probe') }),
      fc.record({ kind: fc.constant('returned'), age: fc.nat(4) }),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const link = new Link()
        const sent: { number: number; isFresh: boolean }[] = []
        let isThere = false
        let isUp = false
        for (const event of events) {
          if (event.kind === 'appeared') {
            // from a second broker it makes no difference
            expect(link.ownTopicAppeared()).toBe(!isThere)
            if (!isThere) for (const probe of sent) probe.isFresh = false
            isThere = true
          } else if (event.kind === 'vanished') {
            expect(link.ownTopicVanished()).toBe(isUp)
            isThere = false
            isUp = false
          } else if (event.kind === 'probe') {
            sent.push({ number: link.nextProbe(), isFresh: true })
          } else {
            const probe = sent.at(-1 - (event as { age: number }).age)
            if (probe === undefined) continue
            const opens: boolean = isThere && !isUp && probe.isFresh
            expect(link.probeReturned(probe.number)).toBe(opens)
            isUp ||= opens
          }
          expect(link.isUp).toBe(isUp)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
