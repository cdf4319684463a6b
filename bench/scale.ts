/**
 * How costs grow with the number of nodes, from 2 to 64.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Host, HostedCluster } from './hosts.js'
import { busyShare } from './machine.js'
import { cpuTime, memory } from './proc.js'
import type { NodeCounts } from './programs/host.js'
import { showProgress } from './progress.js'
import { type SceneName, scenes } from './scenes.js'
import { median } from './statistics.js'

const NODE_COUNTS = [2, 4, 8, 16, 32, 64] as const
/** Processes for the nodes that receive, at most. */
const MAX_HOSTS = 8
/** Nodes that join a running cluster one after the other. */
const NEWCOMERS = 5
const WARM_UP_MS = 750
/** Where many nodes share few cores, the same work takes longer. */
const MAX_WARM_UP_MS = 4_000
const WINDOW = 20_000
/** For how long nothing may arrive while there is something to come. */
const STALL_MS = 20_000
const ENTER_MS = 20_000

/** The loads of each step: full frames, small ones, and a room in which nobody is. */
const LOADS = {
  full: { scene: 'room', burst: 100 },
  small: { scene: 'room', burst: 5 },
  unmatched: { scene: 'empty', burst: 100 },
} as const satisfies Record<string, { scene: SceneName; burst: number }>

type ScaleLoad = keyof typeof LOADS

/** What was found under one load. CPU is in microseconds; what cannot be known is left out. */
export interface LoadFinding {
  /** Messages per second that every node received. */
  rate: number
  messagesPerFrame: number
  bytesPerFrame: number
  /** Per message sent. */
  senderCpu: number
  /** Of one receiving node, per message. */
  receiverCpu: number
  /** Of the broker, per frame and node that it went to. */
  brokerCpu?: number
  /** Frames, and megabytes, that left the broker in a second. */
  brokerFramesOut: number
  brokerMegabytesOut: number
}

/** What was found with so many nodes. */
export interface ScaleStep {
  nodes: number
  loads: Record<ScaleLoad, LoadFinding>
  /** Milliseconds until the last of all nodes, started at once, saw all the others. */
  stormMs: number
  /** Milliseconds for one more node: until its `ready()`, and until it saw all the others. */
  newcomerReadyMs: number
  newcomerCompleteMs: number
  /** Megabytes of a process with nodes before they did anything, and how many nodes it had. */
  hostMemory?: number
  nodesInHost: number
  /** Megabytes of the broker under load. */
  brokerMemory?: number
  /** Different topics that were subscribed to. */
  subscriptions: number
}

/** For each number of nodes the medians of the repetitions. */
export interface ScaleFindings {
  steps: ScaleStep[]
  /** The largest share of the machine's time that others took, 0 to 1. */
  disturbance: number
}

export async function measureScale(seconds: number, repetitions: number): Promise<ScaleFindings> {
  const runs = new Map<number, ScaleStep[]>()
  let disturbance = 0
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    for (const nodes of NODE_COUNTS) {
      const doing = `repetition ${repetition} of ${repetitions} · ${nodes} nodes`
      disturbance = Math.max(disturbance, await busyShare())
      const steps = runs.get(nodes) ?? []
      runs.set(nodes, [...steps, await runStep(nodes, seconds, doing)])
    }
  }
  return { steps: [...runs.values()].map((steps) => middleOf(steps)), disturbance }
}

/** The median of each number in objects of one shape. */
export function middleOf<Shape>(all: readonly Shape[]): Shape {
  const [first] = all
  if (typeof first === 'number') return median(all as readonly number[]) as Shape
  const entries = Object.keys(first as object).map((key) => {
    const values = all.map((one) => (one as Record<string, unknown>)[key])
    return [key, middleOf(values.filter((value) => value !== undefined))]
  })
  return Object.fromEntries(entries)
}

async function runStep(nodes: number, seconds: number, doing: string): Promise<ScaleStep> {
  showProgress(`${doing} · start`)
  const receivers = nodes - 1
  const receivingHosts = Math.min(MAX_HOSTS, receivers)
  // the first host has the sender, the last one those that come later
  const cluster = await HostedCluster.open(1 + receivingHosts + 1)
  const [sending, ...others] = cluster.hosts as [Host, ...Host[]]
  const late = others.pop() as Host
  try {
    const indexes = Array.from({ length: receivingHosts }, (_, host) =>
      Array.from({ length: receivers }, (_, i) => i + 1).filter(
        (node) => node % receivingHosts === host,
      ),
    )
    await warmUp(sending, cluster)
    const times = await cluster.start([[], ...indexes], nodes)
    const hostMemory = memory(others[0]?.pid ?? 0)
    const newcomers = await welcome(late, cluster, nodes)
    const { pub } = cluster.broker.address as { pub: string }
    const subscriptions = await sending.call('subscriptions', pub)
    const loads = {} as ScaleStep['loads']
    for (const [i, name] of (Object.keys(LOADS) as ScaleLoad[]).entries()) {
      showProgress(`${doing} · ${name}`)
      loads[name] = await runLoad(cluster, sending, others, nodes, seconds, i, LOADS[name])
    }
    const brokerMemory = memory(cluster.broker.pid)
    return {
      nodes,
      loads,
      stormMs: Math.max(...times.map(({ completeMs }) => completeMs)),
      newcomerReadyMs: median(newcomers.map(({ readyMs }) => readyMs)),
      newcomerCompleteMs: median(newcomers.map(({ completeMs }) => completeMs)),
      ...(hostMemory !== undefined && { hostMemory }),
      nodesInHost: indexes[0]?.length ?? 0,
      ...(brokerMemory !== undefined && { brokerMemory }),
      subscriptions,
    }
  } finally {
    await cluster.close()
  }
}

/**
 * Starts the node that sends, and lets it speak to nobody, so that its code is compiled: later it may speak
 * less. It does not gather, so that a frame holds one burst.
 */
async function warmUp(sending: Host, { options }: HostedCluster): Promise<void> {
  await sending.call('start', [0], 1, { ...options, gathering: 'off' })
  await sending.call('reset', 0)
  await sending.call('flood', {
    scene: 'room',
    burst: 100,
    window: WINDOW,
    counters: 0,
    isBinary: false,
  })
  await sleep(WARM_UP_MS)
  await sending.call('stop')
}

/** Lets nodes join and leave, one after the other. */
async function welcome(late: Host, { options, hosts }: HostedCluster, nodes: number) {
  const times = []
  for (let i = 0; i < NEWCOMERS; i++) {
    const [time] = await late.call('start', [nodes], nodes + 1, options)
    if (time !== undefined) times.push(time)
    await late.call('leave', nodes)
    await Promise.all(hosts.map((host) => host.call('untilServerCount', nodes)))
  }
  return times
}

async function runLoad(
  cluster: HostedCluster,
  sending: Host,
  others: readonly Host[],
  nodes: number,
  seconds: number,
  scenesBefore: number,
  { scene, burst }: { scene: SceneName; burst: number },
): Promise<LoadFinding> {
  await enter(sending, others, scene, scenesBefore)
  const flood = { scene, burst, window: WINDOW, counters: others.length, isBinary: false }
  await sending.call('flood', flood)
  const warmUpEnd = performance.now() + MAX_WARM_UP_MS
  do await sleep(WARM_UP_MS)
  while ((await sending.call('sent')) < 2 * WINDOW && performance.now() < warmUpEnd)
  const before = await sampleAll(cluster, sending, others)
  await sleep(seconds * 1e3)
  const after = await sampleAll(cluster, sending, others)
  const sent = await sending.call('stop')
  await untilArrived(others, sent, sent * scenes[scene].copies(nodes))
  const counts = await cluster.counts()
  const lost = counts.reduce((sum, { lost }) => sum + lost, 0)
  if (lost > 0) throw new Error(`with ${nodes} nodes the adapters lost ${lost} frames`)

  const messages = after.sent - before.sent
  const frames = after.counts.framesSent - before.counts.framesSent
  const bytes = after.counts.bytesSent - before.counts.bytesSent
  const time = (after.sender.time - before.sender.time) / 1e3
  const framesOut = frames * (nodes - 1)
  return {
    rate: messages / time,
    messagesPerFrame: messages / frames,
    bytesPerFrame: bytes / frames,
    senderCpu: (after.sender.cpu - before.sender.cpu) / messages,
    receiverCpu: (after.receivers - before.receivers) / messages / (nodes - 1),
    ...(before.broker !== undefined &&
      after.broker !== undefined && { brokerCpu: (after.broker - before.broker) / framesOut }),
    brokerFramesOut: framesOut / time,
    brokerMegabytesOut: ((bytes / time) * (nodes - 1)) / 1e6,
  }
}

/** Puts everyone into their rooms, and waits until each node hears the sender. */
async function enter(
  sending: Host,
  others: readonly Host[],
  scene: SceneName,
  scenesBefore: number,
): Promise<void> {
  others.forEach((host, i) => {
    host.onNews = (count) => sending.call('onProgress', i, count as number).catch(() => {})
  })
  await sending.call('reset', scenesBefore)
  await sending.call('occupy', scene, scenesBefore)
  await Promise.all(others.map((host) => host.call('occupy', scene, scenesBefore)))
  await Promise.all(others.map((host) => host.call('begin')))
  const deadline = performance.now() + ENTER_MS
  for (;;) {
    await sending.call('milestone')
    const heard = await Promise.all(others.map((host) => host.call('hasHeard')))
    if (heard.every(Boolean)) break
    if (performance.now() > deadline) throw new Error(`${scene}: not everyone hears the sender`)
    await sleep(20)
  }
  await Promise.all(others.map((host) => host.call('begin')))
}

async function sampleAll(cluster: HostedCluster, sending: Host, others: readonly Host[]) {
  const broker = cpuTime(cluster.broker.pid)
  const [sent, sender, counts, ...receivers] = await Promise.all([
    sending.call('sent'),
    sending.call('sample'),
    sending.call('counts'),
    ...others.map((host) => host.call('sample')),
  ])
  return {
    broker,
    sent,
    sender,
    counts: counts[0] as NodeCounts,
    receivers: receivers.reduce((sum, { cpu }) => sum + cpu, 0),
  }
}

/** @throws Error if nothing arrives for a while, or too much has */
async function untilArrived(others: readonly Host[], sent: number, expected: number) {
  let last = ''
  let deadline = 0
  for (;;) {
    const counts = await Promise.all(others.map((host) => host.call('count')))
    const progress = await Promise.all(others.map((host) => host.call('progress')))
    const arrived = counts.reduce((sum, count) => sum + count, 0)
    if (arrived === expected && progress.every((count) => count === sent)) return
    const state = JSON.stringify([counts, progress])
    if (state !== last) deadline = performance.now() + STALL_MS
    if (arrived > expected || performance.now() > deadline) {
      throw new Error(`nodes got ${arrived} messages, and not ${expected}`)
    }
    last = state
    await sleep(10)
  }
}
