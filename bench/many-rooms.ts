/**
 * Many small rooms on many nodes: how much of what a node receives is for nobody on it. Nodes, rooms
 * and clients are those of socket.io's issue 5226.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ZmqAdapterOptions } from 'socket.io-zeromq'
import { zmqAdapter } from 'socket.io-zeromq'
import { HostedCluster } from './hosts.js'
import { cpuTime } from './proc.js'
import type { NodeAndRoom } from './programs/host.js'
import { showProgress } from './progress.js'
import { seeded } from './random.js'
import { mean } from './statistics.js'

const HOSTS = 10
const NODES_PER_HOST = 10
const NODES = HOSTS * NODES_PER_HOST
const ROOMS = 1_000
const SOCKETS_PER_ROOM = 10
const MESSAGES = 3_000
const MESSAGES_PER_SECOND = 500
const SEED = 5226
/** For how long nothing may arrive while there is something to come. */
const STALL_MS = 20_000
/** In which the senders say where their sequences stand; that counts too. */
const DIGESTS_MS = 1_000

export const manyRooms = {
  nodes: NODES,
  rooms: ROOMS,
  socketsPerRoom: SOCKETS_PER_ROOM,
  messages: MESSAGES,
} as const

type SubscriptionMode = 'static' | 'dynamic'

/** What a mode of subscribing made of it. */
export interface RoomsFinding {
  mode: SubscriptionMode
  /** Messages that nodes received, and those of them for which they had a client. */
  received: number
  needed: number
  /** Of what a node received, the share that it did not need: over all nodes, 0 to 1. */
  needless: { mean: number; min: number; max: number }
  /** Frames that nodes received, those of the bus itself included, for each message they needed. */
  framesPerNeeded: number
  /** CPU microseconds of all nodes together, and of the broker, for each message sent. */
  nodesCpu: number
  brokerCpu?: number
  /** Seconds until all sockets were in their rooms. */
  placeSeconds: number
}

interface Plan {
  sockets: NodeAndRoom[]
  messages: NodeAndRoom[]
  /** Messages for which each node has a socket, those of its own left out. */
  needed: number[]
  /** What all sockets get together. */
  deliveries: number
}

/** @returns a finding for each mode that this version of the adapter has */
export async function measureManyRooms(leftOut: string[]): Promise<RoomsFinding[]> {
  const plan = makePlan()
  const findings: RoomsFinding[] = []
  for (const mode of ['static', 'dynamic'] as const) {
    const options = optionsOf(mode)
    if (hasOptions(options)) findings.push(await run(mode, options, plan))
    else leftOut.push(`many rooms, ${mode}: this version has no such subscriptionMode`)
  }
  return findings
}

function optionsOf(mode: SubscriptionMode): ZmqAdapterOptions {
  // static is the default
  return mode === 'static' ? {} : ({ subscriptionMode: mode } as ZmqAdapterOptions)
}

function hasOptions(options: ZmqAdapterOptions): boolean {
  try {
    zmqAdapter(options)
    return true
  } catch {
    return false
  }
}

function makePlan(): Plan {
  const random = seeded(SEED)
  const pick = (count: number) => Math.floor(random() * count)
  const sockets: NodeAndRoom[] = []
  const nodesOf: Set<number>[] = []
  for (let room = 0; room < ROOMS; room++) {
    const nodes = new Set<number>()
    for (let i = 0; i < SOCKETS_PER_ROOM; i++) {
      const node = pick(NODES)
      nodes.add(node)
      sockets.push([node, nameOf(room)])
    }
    nodesOf.push(nodes)
  }
  const messages: NodeAndRoom[] = []
  const needed = Array<number>(NODES).fill(0)
  for (let i = 0; i < MESSAGES; i++) {
    const sender = pick(NODES)
    const room = pick(ROOMS)
    messages.push([sender, nameOf(room)])
    for (const node of nodesOf[room] as Set<number>) {
      if (node !== sender) (needed[node] as number)++
    }
  }
  return { sockets, messages, needed, deliveries: MESSAGES * SOCKETS_PER_ROOM }
}

async function run(
  mode: SubscriptionMode,
  options: ZmqAdapterOptions,
  plan: Plan,
): Promise<RoomsFinding> {
  const doing = `${NODES} nodes, ${ROOMS} rooms, ${mode}`
  showProgress(`${doing} · starts`)
  const cluster = await HostedCluster.open(HOSTS, options)
  const { hosts, broker } = cluster
  const ofHost = (all: readonly NodeAndRoom[], host: number) =>
    all.filter(([node]) => node % HOSTS === host)
  try {
    const indexes = Array.from({ length: HOSTS }, (_, host) =>
      Array.from({ length: NODES_PER_HOST }, (_, i) => i * HOSTS + host),
    )
    await cluster.start(indexes, NODES)
    showProgress(`${doing} · sockets enter their rooms`)
    const began = performance.now()
    await Promise.all(hosts.map((host, i) => host.call('place', ofHost(plan.sockets, i))))
    const placeSeconds = (performance.now() - began) / 1e3
    await sleep(DIGESTS_MS)
    const before = await cluster.counts()
    const cpuBefore = await cluster.cpu()
    const brokerBefore = cpuTime(broker.pid)
    showProgress(`${doing} · ${MESSAGES} messages, ${MESSAGES_PER_SECOND} in a second`)
    const perSecond = MESSAGES_PER_SECOND / HOSTS
    await Promise.all(hosts.map((host, i) => host.call('say', ofHost(plan.messages, i), perSecond)))
    await untilDelivered(cluster, plan.deliveries)
    await sleep(DIGESTS_MS)
    const after = await cluster.counts()
    const nodesCpu = ((await cluster.cpu()) - cpuBefore) / MESSAGES
    const brokerAfter = cpuTime(broker.pid)
    const lost = after.reduce((sum, counts) => sum + counts.lost, 0)
    if (lost > 0) throw new Error(`many rooms, ${mode}: the adapters lost ${lost} frames`)
    const delta = (key: 'messagesReceived' | 'framesReceived') =>
      after.map((counts, i) => counts[key] - (before[i] as typeof counts)[key])
    const received = delta('messagesReceived')
    const needless = received.map((count, node) =>
      count === 0 ? 0 : 1 - (plan.needed[node] as number) / count,
    )
    const needed = sum(plan.needed)
    return {
      mode,
      received: sum(received),
      needed,
      needless: { mean: mean(needless), min: Math.min(...needless), max: Math.max(...needless) },
      framesPerNeeded: sum(delta('framesReceived')) / needed,
      nodesCpu,
      ...(brokerBefore !== undefined &&
        brokerAfter !== undefined && { brokerCpu: (brokerAfter - brokerBefore) / MESSAGES }),
      placeSeconds,
    }
  } finally {
    await cluster.close()
  }
}

/** @throws Error if nothing arrives for a while, or too much has */
async function untilDelivered({ hosts }: HostedCluster, expected: number): Promise<void> {
  let last = -1
  let deadline = 0
  for (;;) {
    const delivered = sum(await Promise.all(hosts.map((host) => host.call('placed'))))
    if (delivered === expected) return
    if (delivered !== last) deadline = performance.now() + STALL_MS
    if (delivered > expected || performance.now() > deadline) {
      throw new Error(`many rooms: sockets got ${delivered} messages, and not ${expected}`)
    }
    last = delivered
    await sleep(20)
  }
}

function nameOf(room: number): string {
  return `room:${room}`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
