import { describe, expect, it } from 'vitest'
import { seeded } from '../random.js'
import { costLine, median, percentile } from '../statistics.js'

describe('statistics', () => {
  it('takes the middle of an odd number of values, and the mean of the two middle ones', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  it('finds the value that so many percent do not exceed', () => {
    const values = Float64Array.from({ length: 100 }, (_, i) => i + 1)
    expect(percentile(values, 50)).toBe(50)
    expect(percentile(values, 99)).toBe(99)
    expect(percentile(values, 99.9)).toBe(100)
    expect(percentile(new Float64Array(), 50)).toBeNaN()
  })

  it('finds the fixed part and the growing part of a cost', () => {
    const { slope, offset } = costLine([
      [1, 5],
      [2, 7],
      [4, 11],
    ])
    expect(slope).toBeCloseTo(2)
    expect(offset).toBeCloseTo(3)
  })

  it('never finds a fixed part below nothing', () => {
    const { slope, offset } = costLine([
      [1, 0],
      [2, 4],
    ])
    expect(offset).toBe(0)
    expect(slope).toBeCloseTo(1.6)
  })

  it('draws the same numbers from the same seed', () => {
    const draw = (seed: number) => Array.from({ length: 5 }, seeded(seed))
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    expect(draw(1).every((number) => number >= 0 && number < 1)).toBe(true)
  })
})
