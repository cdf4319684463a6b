import type { Results } from './results.js'
import { type SystemName, systems } from './systems.js'
import { type Measure, type Workload, type WorkloadName, workloads } from './workloads.js'

/** A system that delivers less than this share of a steady rate does not keep up with it. */
const KEPT_UP = 0.97

/** One figure of this project beside another, and the budget that it has to keep. */
export interface Line {
  label: string
  workload: WorkloadName
  measure: Measure
  /** What this project's figure is divided by. */
  against: Against
  goal?: Goal
}

interface Against {
  system: SystemName
  /** Where it is another one than that of the line. */
  workload?: WorkloadName
  measure?: Measure
  /** How it is called in the table. */
  name: string
}

/** The ratio that the budget allows. */
export type Goal = { atLeast: number } | { atMost: number }

/** A line with its figures. */
export interface Verdict extends Line {
  ours: number
  theirs: number
  ratio: number
  /** `undefined` if there is no goal. */
  isMet?: boolean
  /** Who delivered less than was sent, so that the latencies are those of a growing queue. */
  fellBehind: readonly string[]
}

const REDIS: Against = { system: 'redis', name: 'redis-adapter' }
/** In one process, what is emitted is received: one figure stands for both. */
const IN_MEMORY: Against = {
  system: 'memory',
  workload: 'match',
  measure: 'senderCpu',
  name: 'in-memory',
}
const MATCH: Against = { system: 'zmq', workload: 'match', name: 'a match' }
const BARE: Against = { system: 'bare', name: 'the bare bus' }

export const budget: readonly Line[] = [
  {
    label: 'delivered to two nodes, messages/s',
    workload: 'match',
    measure: 'rate',
    against: REDIS,
    goal: { atLeast: 10 },
  },
  {
    label: 'CPU per message, sender',
    workload: 'match',
    measure: 'senderCpu',
    against: IN_MEMORY,
    goal: { atMost: 2 },
  },
  {
    label: 'CPU per message, receiver with a match',
    workload: 'match',
    measure: 'receiverCpu',
    against: IN_MEMORY,
    goal: { atMost: 1 },
  },
  {
    label: 'CPU per message, receiver without a match',
    workload: 'no-match',
    measure: 'receiverCpu',
    against: MATCH,
    goal: { atMost: 0.2 },
  },
  ...([5_000, 20_000] as const).flatMap((rate) => latencies(rate)),
]

/** What numbers, journal and inbox cost. */
export const sequencing: readonly Line[] = [
  {
    label: 'delivered to two nodes, messages/s',
    workload: 'match',
    measure: 'rate',
    against: BARE,
    goal: { atLeast: 0.9 },
  },
  { label: 'CPU per message, sender', workload: 'match', measure: 'senderCpu', against: BARE },
  {
    label: 'CPU per message, receiver with a match',
    workload: 'match',
    measure: 'receiverCpu',
    against: BARE,
  },
  {
    label: 'CPU per message, receiver without a match',
    workload: 'no-match',
    measure: 'receiverCpu',
    against: BARE,
  },
]

/** What encryption costs: the figures without it, against those with it. */
export const encryption: readonly Line[] = (
  [
    ['delivered to two nodes, messages/s', 'match', 'rate'],
    ['CPU per message, sender', 'match', 'senderCpu'],
    ['CPU per message, receiver with a match', 'match', 'receiverCpu'],
    ['CPU per message, broker', 'match', 'middleCpu'],
    ['CPU per message, receiver without a match', 'no-match', 'receiverCpu'],
  ] as const
).map(([label, workload, measure]) => ({
  label,
  workload,
  measure,
  against: { system: 'curve', name: 'the same with keys' },
}))

function latencies(rate: 5_000 | 20_000): Line[] {
  const workload: WorkloadName = `latency-${rate}`
  const at = `latency at ${rate.toLocaleString('en')}/s`
  return [
    { label: `${at}, p50`, workload, measure: 'p50', against: REDIS, goal: { atMost: 1 } },
    { label: `${at}, p99`, workload, measure: 'p99', against: REDIS, goal: { atMost: 0.5 } },
  ]
}

/** The lines whose figures were both measured. */
export function judge(lines: readonly Line[], results: Results): Verdict[] {
  return lines.flatMap((line) => {
    const { workload, measure, against, goal } = line
    const ours = results.get(workload, 'zmq', measure)?.median
    const theirs = results.get(
      against.workload ?? workload,
      against.system,
      against.measure ?? measure,
    )?.median
    if (ours === undefined || theirs === undefined) return []
    const ratio = ours / theirs
    const fellBehind = (['zmq', against.system] as const)
      .filter((system) => isBehind(results, workload, system))
      .map((system) => systems[system].title)
    return { ...line, ours, theirs, ratio, fellBehind, ...(goal && { isMet: isMet(goal, ratio) }) }
  })
}

/** Whether a system delivered less than a steady rate. */
function isBehind(results: Results, name: WorkloadName, system: SystemName): boolean {
  const { drive }: Workload = workloads[name]
  const rate = results.get(name, system, 'rate')?.median
  return drive.kind === 'pace' && rate !== undefined && rate < drive.perSecond * KEPT_UP
}

function isMet(goal: Goal, ratio: number): boolean {
  return 'atLeast' in goal ? ratio >= goal.atLeast : ratio <= goal.atMost
}

export function goalText(goal: Goal): string {
  return 'atLeast' in goal ? `≥ ${goal.atLeast}×` : `≤ ${goal.atMost}×`
}
