import type { Results } from '../results.js'
import { type SystemName, systemNames, systems } from '../systems.js'
import type { Measure, WorkloadName } from '../workloads.js'
import { type Chart, drawChart } from './charts.js'

/** The charts of docs/benchmarks.md, by their files' names. */
export function benchmarkCharts(results: Results): Record<string, string> {
  const nodes = systemNames.filter((name) => !['memory', 'curve', 'bare'].includes(name))
  const shown = nodes.filter((name) => results.has('match', name))
  const of = (workload: WorkloadName, system: SystemName, measure: Measure) =>
    results.get(workload, system, measure)?.median
  const rates: Chart = {
    title: 'Delivered, as fast as it goes',
    unit: 'messages per second',
    kind: 'bars',
    categories: ['one room, 2 nodes', 'one room, 4 nodes', '10,000 users', 'chat'],
    series: shown.map((system) => ({
      name: systems[system].title,
      values: (['match', 'match-4', 'notifications', 'chat'] as const).map((workload) =>
        of(workload, system, 'rate'),
      ),
    })),
  }
  const cpu: Chart = {
    title: 'CPU time per message, one room on two nodes',
    unit: 'microseconds, of one process each',
    kind: 'stacked bars',
    categories: shown.map((system) => systems[system].title),
    series: (
      [
        ['node that sends', 'senderCpu'],
        ['node that receives', 'receiverCpu'],
        ['broker, Redis or primary', 'middleCpu'],
      ] as const
    ).map(([name, measure]) => ({
      name,
      values: shown.map((system) => of('match', system, measure)),
    })),
  }
  const latency: Chart = {
    title: 'Latency, 99 of 100 messages within',
    unit: 'milliseconds, on a logarithmic scale',
    kind: 'bars',
    isLogarithmic: true,
    categories: ['1,000 messages/s', '5,000 messages/s', '20,000 messages/s'],
    series: shown.map((system) => ({
      name: systems[system].title,
      values: (['latency-1000', 'latency-5000', 'latency-20000'] as const).map((workload) => {
        const p99 = of(workload, system, 'p99')
        return p99 === undefined ? undefined : p99 / 1e3
      }),
    })),
  }
  return {
    'benchmark-rates.svg': drawChart(rates),
    'benchmark-cpu.svg': drawChart(cpu),
    'benchmark-latency.svg': drawChart(latency),
  }
}
