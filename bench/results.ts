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

/** By workload, system and measure. */
export type ResultsJson = Record<string, Record<string, Record<string, Summary>>>

/** Everything that has been found. */
export class Results {
  readonly #values = new Map<string, number[]>()

  /** Reads what {@link toJSON} has written. */
  static from(json: ResultsJson): Results {
    const results = new Results()
    for (const [workload, systems] of Object.entries(json)) {
      for (const [system, measures] of Object.entries(systems)) {
        for (const [measure, { values }] of Object.entries(measures)) {
          results.#values.set(`${workload} ${system} ${measure}`, values)
        }
      }
    }
    return results
  }

  add(workload: WorkloadName, system: SystemName, findings: Findings): void {
    for (const [measure, value] of Object.entries(findings)) {
      const key = keyOf(workload, system, measure as Measure)
      const values = this.#values.get(key)
      if (values === undefined) this.#values.set(key, [value])
      else values.push(value)
    }
  }

  /** Whether a system did a workload at all. */
  has(workload: WorkloadName, system: SystemName): boolean {
    return this.#values.has(keyOf(workload, system, 'rate'))
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

  toJSON(): ResultsJson {
    const json: ResultsJson = {}
    for (const key of this.#values.keys()) {
      const [workload, system, measure] = key.split(' ') as [WorkloadName, SystemName, Measure]
      json[workload] ??= {}
      json[workload][system] ??= {}
      json[workload][system][measure] = this.get(workload, system, measure) as Summary
    }
    return json
  }
}

/** How far the repetition farthest from the median lies from it, as a share of it. */
export function spread({ median, min, max }: Summary): number {
  return median === 0 ? 0 : Math.max(max - median, median - min) / median
}

function keyOf(workload: WorkloadName, system: SystemName, measure: Measure): string {
  return `${workload} ${system} ${measure}`
}
