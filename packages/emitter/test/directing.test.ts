import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Audience } from '../src/bus/audience.js'
import { Directing, type Run } from '../src/bus/directing.js'
import { BucketSet } from '../src/wire/bucket-set.js'

const HOLD_MS = 5_000

/** So many nodes, of which the first so many follow bucket 7, and none of them another. */
function audienceOf(nodes: number, following: number): Audience {
  const audience = new Audience()
  for (let i = 0; i < nodes; i++) {
    const buckets = new BucketSet()
    if (i < following) buckets.add(7)
    audience.joined(`node ${i}`)
    audience.tell(`node ${i}`, buckets)
  }
  return audience
}

const run = (bucket: number, end: number, messages = 1): Run => ({ bucket, end, messages })

describe('directing', () => {
  it('cannot pay while everyone hears everything', () => {
    const audience = new Audience()
    audience.joined('a')
    expect(new Directing(audience, 'by-cost', HOLD_MS).mayPay).toBe(false)
    expect(new Directing(audience, 'always', HOLD_MS).mayPay).toBe(true)
    audience.tell('a', new BucketSet())
    expect(new Directing(audience, 'by-cost', HOLD_MS).mayPay).toBe(true)
  })

  it('pays if few of many nodes need what is said', () => {
    const directing = new Directing(audienceOf(20, 1), 'by-cost', HOLD_MS)
    expect(directing.pays(20, [run(7, 120)], 0)).toBe(true)
  })

  it('does not pay if all of them need it', () => {
    const directing = new Directing(audienceOf(20, 20), 'by-cost', HOLD_MS)
    const many = [run(7, 120), run(8, 220), run(7, 320), run(8, 420)]
    expect(directing.pays(20, many, 0)).toBe(false)
    expect(directing.pays(20, [run(7, 120)], 0)).toBe(false)
    const butOne = new Directing(audienceOf(20, 19), 'by-cost', HOLD_MS)
    expect(butOne.pays(20, [run(7, 120)], 0)).toBe(true)
  })

  it('does not pay if a frame for everyone would carry a great many small messages', () => {
    const directing = new Directing(audienceOf(3, 1), 'by-cost', HOLD_MS)
    const many = Array.from({ length: 100 }, (_, i) => run(i, 120 + 100 * i))
    expect(directing.pays(20, many, 0)).toBe(false)
    expect(new Directing(audienceOf(3, 1), 'always', HOLD_MS).pays(20, many, 0)).toBe(true)
  })

  it('pays for a large message that few need', () => {
    const directing = new Directing(audienceOf(2, 1), 'by-cost', HOLD_MS)
    expect(directing.pays(20, [run(7, 1_000_000)], 0)).toBe(true)
  })

  it('pays the more, the fewer need it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.nat(50),
        fc.nat(100_000),
        (nodes, n, bytes) => {
          const following = Math.min(n, nodes)
          const paysFor = (count: number) =>
            new Directing(audienceOf(nodes, count), 'by-cost', HOLD_MS).pays(0, [run(7, bytes)], 0)
          for (let fewer = 0; fewer < following; fewer++) {
            if (paysFor(following)) expect(paysFor(fewer)).toBe(true)
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it.each(['by-cost', 'always'] as const)('(%s) waits after others were made to join', (mode) => {
    const directing = new Directing(audienceOf(20, 1), mode, HOLD_MS)
    directing.hold([7], 1_000)
    expect(directing.pays(0, [run(7, 100)], 5_999)).toBe(false)
    expect(directing.pays(0, [run(8, 100)], 5_999)).toBe(true)
    expect(directing.pays(0, [run(8, 100), run(7, 200)], 5_999)).toBe(false)
    expect(directing.pays(0, [run(7, 100)], 6_000)).toBe(true)
    directing.hold(undefined, 6_000)
    expect(directing.pays(0, [run(8, 100)], 10_999)).toBe(false)
    expect(directing.pays(0, [run(8, 100)], 11_000)).toBe(true)
  })

  it('pays for the digests of few buckets that few follow, and not for those of many', () => {
    const directing = new Directing(audienceOf(20, 1), 'by-cost', HOLD_MS)
    expect(directing.paysForDigests([7])).toBe(true)
    expect(directing.paysForDigests([7, 8])).toBe(true)
    expect(directing.paysForDigests(Array.from({ length: 40 }, (_, i) => i))).toBe(false)
    expect(new Directing(audienceOf(20, 20), 'always', HOLD_MS).paysForDigests([7])).toBe(false)
  })
})
