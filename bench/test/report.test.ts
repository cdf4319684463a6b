import { describe, expect, it } from 'vitest'
import { benchmarkCharts } from '../report/benchmark-charts.js'
import { benchmarksPage } from '../report/benchmarks-page.js'
import { replaceReadmeBlock } from '../report/readme-block.js'
import { scalingCharts, scalingPage } from '../report/scaling-page.js'
import { middleOf, type ScaleStep } from '../scale.js'
import { systemNames, systems } from '../systems.js'
import { workloadNames, workloads } from '../workloads.js'
import { CIRCUMSTANCES, fullResults } from './support.js'

const RESULTS = fullResults((system) => (system === 'zmq' ? 20 : 10))

/** A cluster in which everything costs what the model says. */
const STEPS = [2, 8, 64].map((nodes): ScaleStep => {
  const load = (messagesPerFrame: number, hear: number) => ({
    rate: 1_000,
    messagesPerFrame,
    bytesPerFrame: 25 + 105 * messagesPerFrame,
    senderCpu: 2 + 10 / messagesPerFrame,
    receiverCpu: hear + 5 / messagesPerFrame,
    brokerCpu: 0.5 + (25 + 105 * messagesPerFrame) / 1e3,
    brokerFramesOut: 1_000,
    brokerMegabytesOut: 1,
  })
  return {
    nodes,
    loads: { full: load(100, 1), small: load(5, 1), unmatched: load(100, 0.25) },
    stormMs: nodes ** 2,
    newcomerReadyMs: 3,
    newcomerCompleteMs: 4,
    hostMemory: 60 + nodes,
    nodesInHost: nodes,
    brokerMemory: 58,
    subscriptions: nodes + 2,
  }
})

describe('the report', () => {
  const page = benchmarksPage({ ...CIRCUMSTANCES, results: RESULTS, raw: [], rooms: [] })

  it('has a table of every workload and a row of every system', () => {
    for (const name of workloadNames) expect(page).toContain(`### ${workloads[name].title}`)
    for (const name of systemNames) expect(page).toContain(`| ${systems[name].title} |`)
    expect(page).not.toMatch(/undefined|NaN|\[object/)
  })

  it('says when the machine was busy, and what was left out', () => {
    expect(page).not.toContain('busy')
    const disturbed = { ...CIRCUMSTANCES, disturbance: 0.5, leftOut: ['redis: not there'] }
    const text = benchmarksPage({ ...disturbed, results: RESULTS, raw: [], rooms: [] })
    expect(text).toContain('up to 50% busy')
    expect(text).toContain('- redis: not there')
  })

  it('replaces what stands between the marks of the README, and nothing else', () => {
    const readme = 'before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n'
    const replaced = replaceReadmeBlock(readme, CIRCUMSTANCES, RESULTS)
    expect(replaced).toMatch(
      /^before\n<!-- bench:begin -->\n.*2\.00×.*<!-- bench:end -->\nafter\n$/s,
    )
    expect(replaced).not.toContain('old')
    expect(replaceReadmeBlock(replaced, CIRCUMSTANCES, RESULTS)).toBe(replaced)
    expect(() => replaceReadmeBlock('', CIRCUMSTANCES, RESULTS)).toThrow('bench:begin')
  })

  it('takes the costs of a model out of the scale run', () => {
    const text = scalingPage({ ...CIRCUMSTANCES, steps: STEPS })
    expect(text).toContain('| _s_: a node says a message | 2.00 |')
    expect(text).toContain('| _S_: a node says a frame | 10.00 |')
    expect(text).toContain('| _u_: a node hears a message for nobody | 0.25 |')
    expect(text).toContain('| _p_: the broker passes a frame to a node | 0.50 |')
    expect(text).not.toMatch(/undefined|NaN|\[object/)
  })

  it('draws charts as SVG', () => {
    const charts = { ...benchmarkCharts(RESULTS), ...scalingCharts(STEPS) }
    for (const svg of Object.values(charts)) expect(svg).toMatch(/^<svg .*<\/svg>\n$/s)
  })

  it('takes the median of each figure of several scale runs', () => {
    const runs = [1, 5, 3].map((value) => ({ value, nested: { value: value * 2 } }))
    expect(middleOf(runs)).toEqual({ value: 3, nested: { value: 6 } })
  })
})
