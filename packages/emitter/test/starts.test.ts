import { describe, expect, it } from 'vitest'
import { Starts } from '../src/bus/starts.js'

const OWN = 'key/n/us'
const EVERYONE = 'key/*'
const BUCKET = 'key/b/005'

/** We are ready at 1,000, and have followed bucket 5 since 2,000; the sender is there since 500. */
function setUp({ startedAt = 500, since = 2_000 } = {}) {
  const starts = new Starts({
    ownTopic: OWN,
    bucketOf: (topic) => (topic === BUCKET ? 5 : undefined),
    since: () => since,
  })
  starts.ready(1_000)
  const now = 3_000
  starts.heard('a', now - startedAt, now)
  const told = (topic: string, base?: number) =>
    starts.ofDigest('a', topic, 9, now - startedAt, base, now)
  return { starts, now, told }
}

describe('the start of a sequence', () => {
  it('is 1 on one’s own topic, whatever is told', () => {
    const { starts, told } = setUp()
    expect([starts.atOne('nobody', OWN, 0), told(OWN)]).toEqual([true, 1])
  })

  it('is behind what is told of everyone’s topic by a sender that was there before, else 1', () => {
    expect(setUp().told(EVERYONE)).toBe(10)
    expect(setUp({ startedAt: 1_500 }).told(EVERYONE)).toBe(1)
    expect(setUp({ startedAt: 1_500 }).starts.atOne('a', EVERYONE, 3_000)).toBe(false)
  })

  it('is 1 in a bucket that was followed before the sender was there', () => {
    const { starts, now, told } = setUp({ startedAt: 2_500 })
    expect([starts.atOne('a', BUCKET, now), told(BUCKET), told(BUCKET, 7)]).toEqual([true, 1, 1])
    expect(starts.ofBucketDigest('a', BUCKET, 9, 100, now)).toBe(1)
  })

  it('is asked for in a bucket that was followed later, about that time', () => {
    const { starts, now, told } = setUp()
    expect([starts.atOne('a', BUCKET, now), told(BUCKET)]).toEqual([false, undefined])
    expect(starts.ageToAskAbout('a', BUCKET, now)).toBe(1_500)
    expect([told(BUCKET, 7), told(BUCKET, 0)]).toEqual([8, 1])
  })

  it('is known without asking if even the last frame was sent before the bucket was followed', () => {
    const { starts, now } = setUp()
    expect(starts.ofBucketDigest('a', BUCKET, 9, 1_499, now)).toBe(10)
    expect(starts.ofBucketDigest('a', BUCKET, 9, 1_500, now)).toBeUndefined()
  })

  it('counts for a bucket that was always heard from when we were ready', () => {
    const { starts, now } = setUp({ since: 0 })
    expect(starts.ageToAskAbout('a', BUCKET, now)).toBe(500)
  })

  it('cannot be asked for of a sender whose age is not known', () => {
    const { starts, now } = setUp()
    expect(starts.ageToAskAbout('b', BUCKET, now)).toBeUndefined()
    expect(starts.ofBucketDigest('b', BUCKET, 9, 0, now)).toBeUndefined()
  })
})
