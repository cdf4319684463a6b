/**
 * One measurement: a system under a workload, for so many seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.js'
import { cpuTime, peakMemory, resetPeakMemory } from './proc.js'
import type { NodeSample } from './programs/node.js'
import { receives, type SceneName, scenes } from './scenes.js'
import { mean, percentile } from './statistics.js'
import type { Drive, Findings, Workload } from './workloads.js'

/** How long a system works before it is measured, so that its code is compiled. */
const WARM_UP_MS = 500
/**
 * And in fresh processes: their heaps grow, and this project's sender touches the memory of its journal,
 * 32 MB, for the first time. Measured sooner it was 15 % slower than it is from then on.
 */
const FRESH_WARM_UP_MS = 1_500

export interface Load {
  /** At a steady rate {@link PACED_LENGTH} times as long. */
  seconds: number
  /** Messages on their way at once, at most. */
  window: number
  /** Messages in one turn of a sender's event loop, at most. */
  burst: number
}

/**
 * The ninety-ninth percentile of a few thousand messages hangs on one or two moments in which the machine
 * did something else.
 */
const PACED_LENGTH = 2.5

/** @param isFresh - whether it is the first that the cluster does */
export async function measure(
  cluster: Cluster,
  { scene, drive }: Workload,
  load: Load,
  isFresh: boolean,
): Promise<Findings> {
  await cluster.enter(scene)
  const pids = [...cluster.nodes, ...(cluster.middle ? [cluster.middle] : [])].map(({ pid }) => pid)
  for (const pid of pids) resetPeakMemory(pid)
  await start(cluster, scene, drive, load)
  await sleep(isFresh ? FRESH_WARM_UP_MS : WARM_UP_MS)
  const asker = cluster.nodes[0]
  if (drive.kind === 'pace') {
    await Promise.all(cluster.counters.map((counter) => counter.call('forgetLatencies')))
  }
  if (drive.kind === 'ask') await asker?.call('forgetAnswers')
  const before = await sampleAll(cluster, scene)
  await sleep(load.seconds * 1e3 * (drive.kind === 'pace' ? PACED_LENGTH : 1))
  const after = await sampleAll(cluster, scene)
  const findings = compare(cluster, scene, drive, before, after)
  if (drive.kind === 'pace') {
    const counted = cluster.counters.map((counter) => counter.call('latencies'))
    Object.assign(findings, percentiles(await Promise.all(counted)))
  }
  Object.assign(findings, memories(cluster))
  if (drive.kind === 'ask' && asker !== undefined) {
    await asker.call('stopAsking')
    const { latencies, lost } = await asker.call('answers')
    Object.assign(findings, percentiles([latencies]), { lost })
    if (lost > 0 && cluster.isLossless) throw new Error(`${lost} answers were missing`)
  } else {
    findings.lost = await cluster.end(scene)
  }
  return findings
}

async function start(cluster: Cluster, scene: SceneName, drive: Drive, load: Load): Promise<void> {
  const senders = cluster.senders(scene)
  switch (drive.kind) {
    case 'flood': {
      const { maxWindow = Number.POSITIVE_INFINITY, isBinary = false } = drive
      // what nobody counts in another process needs no window
      const isAlone = cluster.nodes.length === 1 && cluster.clients.length === 0
      const window = isAlone ? load.window : Math.min(load.window, maxWindow) / senders.length
      const flood = {
        scene,
        window: Math.ceil(window),
        burst: load.burst,
        counters: cluster.counters.length,
        isBinary,
      }
      await Promise.all(senders.map((sender) => sender.call('flood', flood)))
      break
    }
    case 'pace':
      await Promise.all(senders.map((sender) => sender.call('pace', scene, drive.perSecond)))
      break
    case 'ask':
      await cluster.nodes[0]?.call('ask', drive.question, scene, drive.inFlight)
  }
}

interface Samples {
  nodes: NodeSample[]
  /** Messages, and milliseconds, at each process that counts. */
  counted: { received: number; time: number }[]
  middle: number | undefined
}

async function sampleAll(cluster: Cluster, scene: SceneName): Promise<Samples> {
  const isCounted = scene !== 'empty'
  const { nodes, counters, middle } = cluster
  const sampled = nodes.map((node, i) =>
    node.call(isCounted || !receives(i, nodes.length) ? 'sample' : 'sampleAtMilestone'),
  )
  const counted =
    scenes[scene].part === 'time' || cluster.clients.length > 0
      ? counters.map((counter) => counter.call('sample'))
      : []
  const cpu = middle && cpuTime(middle.pid)
  const samples = await Promise.all(sampled)
  return {
    nodes: samples,
    counted:
      counted.length > 0
        ? await Promise.all(counted)
        : samples.filter((_, i) => isCounted || receives(i, nodes.length)),
    middle: cpu,
  }
}

function compare(
  cluster: Cluster,
  scene: SceneName,
  drive: Drive,
  before: Samples,
  after: Samples,
): Findings {
  const { length } = cluster.nodes
  const nodes = after.nodes.map((sample, i) => difference(before.nodes[i] as NodeSample, sample))
  const counted = after.counted.map(({ received, time }, i) => {
    const first = before.counted[i] as Samples['counted'][number]
    return { received: received - first.received, time: time - first.time }
  })
  const received = counted.reduce((sum, counter) => sum + counter.received, 0)
  const milliseconds = mean(counted.map(({ time }) => time))
  // where nobody is in the room, each receiver knows how many messages have passed it
  const copies = scene === 'empty' ? counted.length : scenes[scene].copies(length)
  const [first] = nodes as [NodeSample]
  const messages = drive.kind === 'ask' ? first.answered : received / copies
  const findings: Findings = {
    rate: (messages / (drive.kind === 'ask' ? first.time : milliseconds)) * 1e3,
  }
  if (scene === 'chat') {
    findings.nodeCpu = mean(nodes.map(({ cpu }) => cpu)) / messages
  } else {
    findings.senderCpu = first.cpu / (drive.kind === 'ask' ? messages : first.sent)
    if (length > 1) findings.receiverCpu = mean(nodes.slice(1).map(({ cpu }) => cpu)) / messages
  }
  if (before.middle !== undefined && after.middle !== undefined) {
    findings.middleCpu = (after.middle - before.middle) / messages
  }
  return findings
}

function difference(before: NodeSample, after: NodeSample): NodeSample {
  return {
    time: after.time - before.time,
    cpu: after.cpu - before.cpu,
    sent: after.sent - before.sent,
    answered: after.answered - before.answered,
    received: after.received - before.received,
  }
}

function percentiles(latencies: readonly Float64Array[]): Findings {
  const all = Float64Array.from(latencies.flatMap((some) => [...some])).sort()
  return { p50: percentile(all, 50), p99: percentile(all, 99), p999: percentile(all, 99.9) }
}

function memories({ nodes, middle }: Cluster): Findings {
  const [sender, ...receivers] = nodes.map(({ pid }) => peakMemory(pid))
  const found: Findings = {}
  if (sender !== undefined) found.senderMemory = sender
  const known = receivers.filter((megabytes) => megabytes !== undefined)
  if (known.length > 0) found.receiverMemory = Math.max(...known)
  const middleMemory = middle && peakMemory(middle.pid)
  if (middleMemory !== undefined) found.middleMemory = middleMemory
  return found
}
