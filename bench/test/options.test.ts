import { describe, expect, it } from 'vitest'
import { parseOptions, UsageError } from '../options.js'
import { systemNames } from '../systems.js'
import { budgetWorkloads, workloadNames } from '../workloads.js'

describe('the options of the benchmark', () => {
  it('run everything unless told otherwise', () => {
    expect(parseOptions([])).toMatchObject({
      mode: 'comparison',
      isComplete: true,
      systems: systemNames,
      workloads: workloadNames,
    })
  })

  it('run what the budget is about with --quick', () => {
    expect(parseOptions(['--quick'])).toMatchObject({
      isComplete: false,
      systems: ['memory', 'zmq', 'curve', 'bare', 'redis'],
      workloads: budgetWorkloads,
    })
  })

  it('run only the systems and workloads that are named', () => {
    expect(parseOptions(['--only', 'zmq, chat,redis'])).toMatchObject({
      isComplete: false,
      systems: ['zmq', 'redis'],
      workloads: ['chat'],
    })
  })

  it('ask for help and nothing else with --help', () => {
    expect(parseOptions(['--help'])).toBeUndefined()
  })

  it.each([
    [['--only', 'zmq,nonsense']],
    [['--seconds', '0']],
    [['--repetitions', '1.5']],
    [['--rooms', '--scale']],
    [['--scale', '--quick']],
    [['--report', '--quick']],
    [['--from', 'results.json']],
    [['--nonsense']],
  ])('refuse %j', (args) => {
    expect(() => parseOptions(args)).toThrow(UsageError)
  })
})
