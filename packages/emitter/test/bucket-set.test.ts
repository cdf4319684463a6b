import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BucketSet, readBuckets, writeBuckets } from '../src/wire/bucket-set.js'
import { BUCKETS } from '../src/wire/buckets.js'
import { MsgpackReader } from '../src/wire/msgpack.js'
import { written } from './support/values.js'

/** About so many take as much in a list as in a bitmap. */
const CHANGE = Math.floor(BUCKETS / 8 / 3)

const bucket = () => fc.nat(BUCKETS - 1)

describe('a set of buckets', () => {
  it('holds what was added and not deleted, each once', () => {
    const step = fc.tuple(fc.boolean(), fc.constantFrom(0, 1, 7, 8, BUCKETS - 1))
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const set = new BucketSet()
        const expected = new Set<number>()
        for (const [isAdded, bucket] of steps) {
          if (isAdded) {
            set.add(bucket)
            expected.add(bucket)
          } else {
            set.delete(bucket)
            expected.delete(bucket)
          }
        }
        expect([...set]).toEqual([...expected].sort((a, b) => a - b))
        expect(set.size).toBe(expected.size)
        for (const bucket of [0, 1, 7, 8, BUCKETS - 1])
          expect(set.has(bucket)).toBe(expected.has(bucket))
      }),
    )
  })

  it('is read as it was written, be it a list or a bitmap, and is never longer than that', () => {
    const buckets = fc.oneof(
      fc.array(bucket(), { maxLength: 20 }),
      fc.uniqueArray(bucket(), { minLength: CHANGE - 10, maxLength: CHANGE + 10 }),
      fc.array(bucket(), { minLength: BUCKETS / 4, maxLength: BUCKETS / 2 }),
    )
    fc.assert(
      fc.property(buckets, (buckets) => {
        const set = new BucketSet()
        for (const bucket of buckets) set.add(bucket)
        const bytes = written((writer) => writeBuckets(writer, set))
        expect(bytes.length).toBeLessThanOrEqual(3 + BUCKETS / 8)
        const read = readBuckets(new MsgpackReader(bytes))
        expect([...read]).toEqual([...set])
        expect(read.size).toBe(set.size)
      }),
    )
  })
})
