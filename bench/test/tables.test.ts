import { describe, expect, it } from 'vitest'
import { budget, judge } from '../comparison.js'
import { Results } from '../results.js'
import { formatTables } from '../table.js'
import { fullResults } from './support.js'

describe('the tables of the benchmark', () => {
  it('fit into 100 columns', () => {
    const text = formatTables(
      fullResults(() => 98_765),
      [],
      false,
    )
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  it('say nothing of what was not measured', () => {
    expect(formatTables(new Results(), [], false)).toBe('')
  })

  it('tell which lines of the budget hold', () => {
    const rates = new Results()
    rates.add('match', 'zmq', { rate: 1_000, senderCpu: 3 })
    rates.add('match', 'redis', { rate: 100 })
    rates.add('match', 'memory', { senderCpu: 1 })
    expect(judge(budget, rates).map(({ ratio, isMet }) => [ratio, isMet])).toEqual([
      [10, true],
      [3, false],
    ])
  })

  it('are the same after the results were written and read', () => {
    const results = fullResults((system) => system.length)
    const read = Results.from(JSON.parse(JSON.stringify(results)))
    expect(formatTables(read, [], false)).toBe(formatTables(results, [], false))
  })
})
