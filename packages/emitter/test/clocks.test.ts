import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Clocks } from '../src/bus/clocks.js'

describe('the clocks of senders', () => {
  it('are not known of those who have said nothing', () => {
    expect(new Clocks().ageAt('a', 100)).toBeUndefined()
  })

  it('tell how old a sender was at a time, and 0 for before it was there', () => {
    const clocks = new Clocks()
    clocks.heard('a', 30, 100)
    expect([clocks.ageAt('a', 90), clocks.ageAt('a', 70), clocks.ageAt('a', 10)]).toEqual([
      20, 0, 0,
    ])
  })

  it('never make a sender older than it is, and no younger than its best word was late', () => {
    const words = fc.array(fc.record({ ageMs: fc.nat(50_000), lateMs: fc.nat(500) }), {
      minLength: 1,
    })
    fc.assert(
      fc.property(words, fc.nat(60_000), (words, time) => {
        const clocks = new Clocks()
        const startedAt = 1_000
        const inOrder = words.toSorted((a, b) => a.ageMs + a.lateMs - b.ageMs - b.lateMs)
        for (const { ageMs, lateMs } of inOrder) {
          clocks.heard('a', ageMs, startedAt + ageMs + lateMs)
        }
        const age = clocks.ageAt('a', startedAt + time)!
        const leastLateMs = Math.min(...words.map(({ lateMs }) => lateMs))
        expect(age).toBeLessThanOrEqual(time)
        expect(age).toBe(Math.max(0, time - leastLateMs))
      }),
    )
  })

  it('believe a word that is late after a long time, since clocks drift apart', () => {
    const clocks = new Clocks()
    clocks.heard('a', 1_000, 1_000)
    clocks.heard('a', 60_500, 60_900)
    expect(clocks.ageAt('a', 60_900)).toBe(60_900)
    clocks.heard('a', 61_000, 61_400)
    expect(clocks.ageAt('a', 61_400)).toBe(61_000)
  })

  it('are forgotten of those heard of first, when there are very many', () => {
    const clocks = new Clocks()
    for (let i = 0; i < 20_000; i++) clocks.heard(`sender ${i}`, 0, 0)
    expect(clocks.ageAt('sender 0', 10)).toBeUndefined()
    expect(clocks.ageAt('sender 19999', 10)).toBe(10)
  })
})
