import type { Measure, WorkloadName } from './workloads.js'

/** What the project is measured by: each line of the table, and the budget that it has to keep. */
export interface Line {
  label: string
  workload: WorkloadName
  measure: Measure
  unit: 'messages per second' | 'microseconds' | 'milliseconds'
  /** What this project's figure is divided by. */
  against?: Against
  goal?: Goal
}

interface Against {
  system: 'memory' | 'zmq' | 'redis'
  /** Where it is another one than that of the line. */
  workload?: WorkloadName
  measure?: Measure
  /** How it is called in the table. */
  name: string
}

/** The ratio that the budget in the project's design allows. */
export type Goal = { atLeast: number } | { atMost: number }

const REDIS: Against = { system: 'redis', name: 'Redis' }
/** In one process, what is emitted is received: one figure stands for both. */
const IN_MEMORY: Against = {
  system: 'memory',
  workload: 'match',
  measure: 'senderCpu',
  name: 'memory',
}
const MATCH: Against = { system: 'zmq', workload: 'match', name: 'match' }

export const sections: readonly { title: string; lines: readonly Line[] }[] = [
  {
    title: 'As fast as it goes',
    lines: [
      {
        label: 'delivered to each node, messages/s',
        workload: 'match',
        measure: 'rate',
        unit: 'messages per second',
        against: REDIS,
        goal: { atLeast: 10 },
      },
      {
        label: 'CPU µs/message  sender',
        workload: 'match',
        measure: 'senderCpu',
        unit: 'microseconds',
        against: IN_MEMORY,
        goal: { atMost: 2 },
      },
      {
        label: '                receiver, match',
        workload: 'match',
        measure: 'receiverCpu',
        unit: 'microseconds',
        against: IN_MEMORY,
        goal: { atMost: 1 },
      },
      {
        label: '                receiver, no match',
        workload: 'no-match',
        measure: 'receiverCpu',
        unit: 'microseconds',
        against: MATCH,
        goal: { atMost: 0.2 },
      },
      {
        label: '                broker, or Redis',
        workload: 'match',
        measure: 'middleCpu',
        unit: 'microseconds',
        against: REDIS,
      },
    ],
  },
  ...([5_000, 20_000] as const).map((rate) => ({
    title: `At ${rate.toLocaleString('en')} messages/s`,
    lines: paced(`latency-${rate}`),
  })),
]

function paced(workload: WorkloadName): Line[] {
  const common = { workload, against: REDIS }
  return [
    {
      label: 'delivered to each node, messages/s',
      workload,
      measure: 'rate',
      unit: 'messages per second',
    },
    {
      ...common,
      label: 'latency ms      p50',
      measure: 'p50',
      unit: 'milliseconds',
      goal: { atMost: 1 },
    },
    {
      ...common,
      label: '                p99',
      measure: 'p99',
      unit: 'milliseconds',
      goal: { atMost: 0.5 },
    },
    {
      ...common,
      label: 'CPU µs/message  sender',
      measure: 'senderCpu',
      unit: 'microseconds',
    },
    {
      ...common,
      label: '                receiver, match',
      measure: 'receiverCpu',
      unit: 'microseconds',
    },
    {
      ...common,
      label: '                broker, or Redis',
      measure: 'middleCpu',
      unit: 'microseconds',
    },
  ]
}
