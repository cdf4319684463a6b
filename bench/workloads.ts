import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.js'
import { Room } from './messages.js'
import type { Sample } from './programs/node.js'
import { mean, percentile } from './statistics.js'

/** How long a system works before it is measured, so that its code is compiled. */
const WARM_UP_MS = 750

/** What one run of a workload found; what does not apply is left out. */
export interface Findings {
  /** Messages per second, delivered at each receiving node. */
  rate?: number
  /** CPU microseconds per message sent. */
  senderCpu?: number
  /** CPU microseconds per message received, at one node. */
  receiverCpu?: number
  /** CPU microseconds per message sent. */
  middleCpu?: number
  /** Microseconds from `emit()` to the stub socket. */
  p50?: number
  p99?: number
}

export type Measure = keyof Findings

interface Load {
  seconds: number
  /** Messages on their way at once, at most. */
  window: number
  /** Messages in one turn of the sender's event loop, at most. */
  burst: number
}

export interface Workload {
  title: string
  /** Whether a single node with the in-memory adapter can do it. */
  isForOneNode?: boolean
  run(cluster: Cluster, load: Load): Promise<Findings>
}

export const workloads = {
  match: {
    title: 'one socket in the room on each receiving node',
    isForOneNode: true,
    run: (cluster, load) => flood(cluster, load, Room.MATCH),
  },
  'no-match': {
    title: 'no socket in the room',
    run: (cluster, load) => flood(cluster, load, Room.NO_MATCH),
  },
  'latency-5000': {
    title: '5,000 messages per second',
    run: (cluster, { seconds }) => pace(cluster, seconds, 5_000),
  },
  'latency-20000': {
    title: '20,000 messages per second',
    run: (cluster, { seconds }) => pace(cluster, seconds, 20_000),
  },
} as const satisfies Record<string, Workload>

export type WorkloadName = keyof typeof workloads
export const workloadNames = Object.keys(workloads) as WorkloadName[]

/** As many messages as the system takes. */
async function flood(cluster: Cluster, load: Load, room: string): Promise<Findings> {
  const { sender, receivers } = cluster
  const { window, burst } = load
  await cluster.begin()
  await sender.call('flood', { room, window, burst, receivers: receivers.length })
  await sleep(WARM_UP_MS)
  const isCounted = room === Room.MATCH
  const findings = await measure(cluster, load.seconds, isCounted)
  await cluster.end(isCounted)
  return findings
}

/** So many messages per second. */
async function pace(cluster: Cluster, seconds: number, perSecond: number): Promise<Findings> {
  const { sender, receivers } = cluster
  await cluster.begin()
  await sender.call('pace', perSecond)
  await sleep(WARM_UP_MS)
  await Promise.all(receivers.map((receiver) => receiver.call('forgetLatencies')))
  const findings = await measure(cluster, seconds, true)
  const latencies = await Promise.all(receivers.map((receiver) => receiver.call('latencies')))
  await cluster.end(true)
  const all = Float64Array.from(latencies.flatMap((some) => [...some])).sort()
  return { ...findings, p50: percentile(all, 50), p99: percentile(all, 99) }
}

async function measure(cluster: Cluster, seconds: number, isCounted: boolean): Promise<Findings> {
  const before = await sampleAll(cluster, isCounted)
  await sleep(seconds * 1e3)
  const after = await sampleAll(cluster, isCounted)
  const sent = difference(before.sender, after.sender)
  const received = after.receivers.map((sample, i) =>
    difference(before.receivers[i] as Sample, sample),
  )
  const findings: Findings = {
    rate: mean((received.length > 0 ? received : [sent]).map(({ rate }) => rate)),
    senderCpu: sent.cpu,
  }
  if (received.length > 0) findings.receiverCpu = mean(received.map(({ cpu }) => cpu))
  if (before.middle !== undefined && after.middle !== undefined) {
    findings.middleCpu = (after.middle - before.middle) / sent.count
  }
  return findings
}

async function sampleAll(cluster: Cluster, isCounted: boolean) {
  const method = isCounted ? 'sample' : 'sampleAtMilestone'
  const receivers = Promise.all(cluster.receivers.map((receiver) => receiver.call(method)))
  const sender = await cluster.sender.call('sample')
  return { sender, middle: cluster.middleCpu(), receivers: await receivers }
}

function difference(before: Sample, after: Sample) {
  const count = after.count - before.count
  return {
    count,
    rate: (count / (after.time - before.time)) * 1e3,
    cpu: (after.cpu - before.cpu) / count,
  }
}
