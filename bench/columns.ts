/**
 * The columns in which a workload's results are shown, in the terminal and in the report, and how
 * figures are written.
 */
import { type Results, spread } from './results.js'
import type { SystemName } from './systems.js'
import type { Measure, Workload, WorkloadName } from './workloads.js'

export interface Column {
  header: string
  /** What stands there for a system, ready to be read; `undefined` if it was not measured. */
  show(results: Results, workload: WorkloadName, system: SystemName): string | undefined
}

export const NOTHING = '–'

const CPU = {
  sender: figure('sender µs', 'senderCpu', microseconds),
  receiver: figure('receiver µs', 'receiverCpu', microseconds),
  node: figure('node µs', 'nodeCpu', microseconds),
  middle: figure('middle µs', 'middleCpu', microseconds),
}
const P50 = figure('p50 ms', 'p50', milliseconds)
const P99 = figure('p99 ms', 'p99', milliseconds)
const LOST = figure('lost', 'lost', whole)
const MEMORY: Column = {
  header: 'peak MB',
  show: (results, workload, system) => {
    const of = (measure: Measure) => results.get(workload, system, measure)?.median
    const all = [of('senderMemory'), of('receiverMemory'), of('middleMemory')]
    if (all[0] === undefined) return undefined
    return all.flatMap((megabytes) => (megabytes === undefined ? [] : [whole(megabytes)])).join('/')
  },
}

/** The columns of a workload, after the one with the system's name. */
export function columnsOf({ drive, scene }: Workload): readonly Column[] {
  switch (drive.kind) {
    case 'flood': {
      const nodes = scene === 'chat' ? [CPU.node] : [CPU.sender, CPU.receiver]
      return [...rate('delivered/s'), ...nodes, CPU.middle, MEMORY, LOST]
    }
    case 'pace': {
      const p999 = figure('p99.9 ms', 'p999', milliseconds)
      const cpu = [CPU.sender, CPU.receiver, CPU.middle]
      return [P50, P99, spreadOf('p99'), p999, figure('arrived/s', 'rate', whole), ...cpu, LOST]
    }
    case 'ask':
      return [...rate('answered/s'), P50, P99, CPU.sender, CPU.receiver, CPU.middle, LOST]
  }
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

export function microseconds(value: number): string {
  return value < 100 ? value.toFixed(2) : whole(value)
}

/** @param value - in microseconds */
export function milliseconds(value: number): string {
  return value < 99_500 ? (value / 1e3).toFixed(2) : whole(value / 1e3)
}

export function ratioText(ratio: number): string {
  if (ratio < 0.01) return '<0.01×'
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)}×`
}

function rate(header: string): Column[] {
  return [figure(header, 'rate', whole), spreadOf('rate')]
}

function figure(header: string, measure: Measure, write: (value: number) => string): Column {
  return {
    header,
    show: (results, workload, system) => {
      const summary = results.get(workload, system, measure)
      return summary && write(summary.median)
    },
  }
}

function spreadOf(measure: Measure): Column {
  return {
    header: '±',
    show: (results, workload, system) => {
      const summary = results.get(workload, system, measure)
      return summary && `${Math.round(spread(summary) * 100)}%`
    },
  }
}
