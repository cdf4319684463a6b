import { Results } from '../results.js'
import { type SystemName, systemNames } from '../systems.js'
import { type WorkloadName, workloadNames } from '../workloads.js'

/** Circumstances like those of a run. */
export const CIRCUMSTANCES = {
  at: '2026-01-02T03:04:05.678Z',
  machine: { cores: 2, processor: 'Some Processor', memoryGb: 8, system: 'Linux 6.1' },
  versions: { 'Node.js': '20.19.0' },
  settings: { seconds: 1, repetitions: 3 },
  disturbance: 0,
  leftOut: [] as string[],
}

/** Results in which every system has every measure of every workload: so much, in three repetitions. */
export function fullResults(figureOf: (system: SystemName) => number): Results {
  const results = new Results()
  for (const factor of [0.9, 1, 1.2]) {
    for (const workload of workloadNames) {
      for (const system of systemNames) addAll(results, workload, system, figureOf(system) * factor)
    }
  }
  return results
}

function addAll(results: Results, workload: WorkloadName, system: SystemName, value: number): void {
  results.add(workload, system, {
    rate: value,
    senderCpu: value,
    receiverCpu: value,
    nodeCpu: value,
    middleCpu: value,
    p50: value,
    p99: value,
    p999: value,
    senderMemory: value,
    receiverMemory: value,
    middleMemory: value,
    lost: 0,
  })
}
