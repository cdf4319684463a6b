import { describe, expect, it } from 'vitest'
import { RepairAllowance } from '../src/bus/repair-allowance.js'

const make = (bytesPerSecond = 1_000) => new RepairAllowance({ intervalMs: 50, bytesPerSecond })

describe('what may be asked for', () => {
  it('is not what was got a moment ago, nor a part of it', () => {
    const allowance = make()
    expect(allowance.isNew('a', 'topic', 1, 10, 0)).toBe(true)
    allowance.spend('a', 'topic', 1, 10, 1, 0)
    for (const [from, to] of [
      [1, 10],
      [10, 20],
      [3, 4],
      [1, Number.MAX_SAFE_INTEGER],
    ] as const) {
      expect(allowance.isNew('a', 'topic', from, to, 49)).toBe(false)
    }
    expect(allowance.isNew('a', 'topic', 11, 20, 49)).toBe(true)
    expect(allowance.isNew('a', 'another topic', 1, 10, 49)).toBe(true)
    expect(allowance.isNew('b', 'topic', 1, 10, 49)).toBe(true)
    expect(allowance.isNew('a', 'topic', 1, 10, 50)).toBe(true)
  })

  it('is a bounded number of ranges, for a bounded number of askers', () => {
    const allowance = make()
    for (let seq = 1; seq <= 128; seq++) allowance.spend('a', 'topic', seq, seq, 1, 0)
    expect(allowance.isNew('a', 'topic', 200, 200, 0)).toBe(false)
    for (let i = 1; i < 65_536; i++) allowance.spend(`${i}`, 'topic', 1, 1, 1, 0)
    expect(allowance.isNew('b', 'topic', 1, 1, 0)).toBe(false)
    expect(allowance.isNew('b', 'topic', 1, 1, 50)).toBe(true)
  })

  it('is so many bytes in a second, for all', () => {
    const allowance = make(1_000)
    expect(allowance.bytes(0)).toBe(1_000)
    allowance.spend('a', 'topic', 1, 1, 800, 0)
    expect(allowance.bytes(0)).toBe(200)
    allowance.spend('b', 'topic', 1, 1, 700, 0) // one frame may be larger
    expect(allowance.bytes(100)).toBe(0)
    expect(allowance.bytes(600)).toBe(100)
    expect(allowance.bytes(100_000)).toBe(1_000)
  })
})
