import { median } from './statistics.js'
import type { SystemName } from './systems.js'
import type { Findings, Measure, WorkloadName } from './workloads.js'

/** One measure of one system under one workload, over all repetitions. */
export interface Summary {
  median: number
  min: number
  max: number
  values: number[]
}

/** Everything that has been found. */
export class Results {
  readonly #values = new Map<string, number[]>()

  add(workload: WorkloadName, system: SystemName, findings: Findings): void {
    for (const [measure, value] of Object.entries(findings)) {
      const key = keyOf(workload, system, measure as Measure)
      const values = this.#values.get(key)
      if (values === undefined) this.#values.set(key, [value])
      else values.push(value)
    }
  }

  /** @returns `undefined` for what was not measured */
  get(workload: WorkloadName, system: SystemName, measure: Measure): Summary | undefined {
    const values = this.#values.get(keyOf(workload, system, measure))
    if (values === undefined) return undefined
    return {
      median: median(values),
      min: Math.min(...values),
      max: Math.max(...values),
      values,
    }
  }

  /** Everything, by workload, system and measure. */
  toJSON(): Record<string, Record<string, Record<string, Summary>>> {
    const json: Record<string, Record<string, Record<string, Summary>>> = {}
    for (const key of this.#values.keys()) {
      const [workload, system, measure] = key.split(' ') as [WorkloadName, SystemName, Measure]
      json[workload] ??= {}
      json[workload][system] ??= {}
      json[workload][system][measure] = this.get(workload, system, measure) as Summary
    }
    return json
  }
}

function keyOf(workload: WorkloadName, system: SystemName, measure: Measure): string {
  return `${workload} ${system} ${measure}`
}
