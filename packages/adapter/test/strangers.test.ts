import { expect, test } from 'vitest'
import { Strangers } from '../src/strangers.js'

test('so many strangers are answered in a second, and no more', () => {
  const strangers = new Strangers()
  const answered = (now: number) => {
    let count = 0
    for (let i = 0; i < 5_000; i++) if (strangers.mayBeAnswered(now)) count++
    return count
  }
  expect([0, 999, 1_000, 1_500, 60_000].map(answered)).toEqual([1_000, 0, 1_000, 0, 1_000])
})
