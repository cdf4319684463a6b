import { describe, expect, it } from 'vitest'
import { DigestSchedule } from '../src/bus/digests.js'

describe('the schedule of digests', () => {
  it('has nothing to tell of topics on which nothing was said', () => {
    const schedule = new DigestSchedule([300, 3000])
    expect(schedule.nextDue()).toBeUndefined()
    expect(schedule.due(1_000_000)).toEqual([])
  })

  it('tells of a topic once it has fallen quiet, once more later, and then no more', () => {
    const schedule = new DigestSchedule([300, 3000])
    schedule.sent('a', 1000)
    expect(schedule.nextDue()).toBe(1300)
    expect(schedule.due(1299)).toEqual([])
    expect(schedule.due(1300)).toEqual(['a'])
    expect(schedule.nextDue()).toBe(4000)
    expect(schedule.due(3999)).toEqual([])
    expect(schedule.due(4000)).toEqual(['a'])
    expect(schedule.nextDue()).toBeUndefined()
  })

  it('waits while more is said', () => {
    const schedule = new DigestSchedule([300, 3000])
    for (let now = 1000; now < 5000; now += 200) {
      schedule.sent('a', now)
      expect(schedule.due(now)).toEqual([])
    }
    expect(schedule.due(4800 + 300)).toEqual(['a'])
    schedule.sent('a', 5200)
    expect(schedule.nextDue()).toBe(5500)
  })

  it('keeps its topics apart', () => {
    const schedule = new DigestSchedule([300, 3000])
    schedule.sent('a', 1000)
    schedule.sent('b', 1100)
    expect(schedule.due(1300)).toEqual(['a'])
    expect(schedule.nextDue()).toBe(1400)
    expect(schedule.due(1400)).toEqual(['b'])
    expect(schedule.due(4100)).toEqual(['a', 'b'])
  })

  it('has digests of many topics due together, where it is told to', () => {
    const schedule = new DigestSchedule([300, 3000], [250, 1000])
    schedule.sent('a', 1000)
    schedule.sent('b', 1190)
    schedule.sent('c', 1201)
    expect(schedule.nextDue()).toBe(1500)
    expect(schedule.due(1500)).toEqual(['a', 'b'])
    expect(schedule.nextDue()).toBe(1750)
    expect(schedule.due(1750)).toEqual(['c'])
    expect(schedule.nextDue()).toBe(5000)
    expect(schedule.due(5000)).toEqual(['a', 'b', 'c'])
    expect(schedule.nextDue()).toBeUndefined()
  })
})
