/**
 * Many small rooms, in both modes of subscribing: how much of what a node receives is for nobody on it,
 * and what a message costs all processes together. Small clusters, and that of socket.io's issue 5226.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HostedCluster } from './hosts.js'
import { cpuTime } from './proc.js'
import type { NodeAndRoom } from './programs/host.js'
import { showProgress } from './progress.js'
import { seeded } from './random.js'
import { mean } from './statistics.js'

/** A cluster, and who is in it. */
export interface Crowd {
  nodes: number
  /** Processes in which the nodes are. */
  hosts: number
  rooms: number
  clientsPerRoom: number
  messages: number
}

const ROOMS = 1_000
/** Each node in a process of its own. */
const smallCrowds = [1, 10].flatMap((clientsPerRoom) =>
  [2, 4, 8].map(
    (nodes): Crowd => ({ nodes, hosts: nodes, rooms: ROOMS, clientsPerRoom, messages: 1_500 }),
  ),
)
/** Of socket.io's issue 5226. */
const largeCrowd: Crowd = {
  nodes: 100,
  hosts: 10,
  rooms: ROOMS,
  clientsPerRoom: 10,
  messages: 3_000,
}
const crowds = [...smallCrowds, largeCrowd]

const MESSAGES_PER_SECOND = 500
/**
 * Said before anything is counted. Without them half of what a message costs is V8, which compiles what
 * is new to it; and in dynamic mode servers learn meanwhile who speaks to which rooms.
 */
const WARM_UP = { messages: 40_000, perSecond: 8_000 } as const
const SEED = 5226
/** For how long nothing may arrive while there is something to come. */
const STALL_MS = 20_000
/** In which the senders say where their sequences stand; that counts too. */
const DIGESTS_MS = 1_000

type SubscriptionMode = 'static' | 'dynamic'

/** What a mode of subscribing made of it. */
export interface RoomsFinding {
  crowd: Crowd
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
  warmUp: NodeAndRoom[]
  messages: NodeAndRoom[]
  /** Messages for which each node has a socket, those of its own left out. */
  needed: number[]
}

/** A finding for each cluster and mode. */
export async function measureManyRooms(): Promise<RoomsFinding[]> {
  const findings: RoomsFinding[] = []
  for (const crowd of crowds) {
    const plan = makePlan(crowd)
    for (const mode of ['static', 'dynamic'] as const) findings.push(await run(crowd, mode, plan))
  }
  return findings
}

function makePlan({ nodes: nodeCount, rooms, clientsPerRoom, messages: count }: Crowd): Plan {
  const random = seeded(SEED)
  const pick = (count: number) => Math.floor(random() * count)
  const sockets: NodeAndRoom[] = []
  const nodesOf: Set<number>[] = []
  for (let room = 0; room < rooms; room++) {
    const nodes = new Set<number>()
    for (let i = 0; i < clientsPerRoom; i++) {
      const node = pick(nodeCount)
      nodes.add(node)
      sockets.push([node, nameOf(room)])
    }
    nodesOf.push(nodes)
  }
  const pickMessages = (count: number) =>
    Array.from({ length: count }, () => ({ sender: pick(nodeCount), room: pick(rooms) }))
  const said = pickMessages(count)
  const needed = Array<number>(nodeCount).fill(0)
  for (const { sender, room } of said) {
    for (const node of nodesOf[room] as Set<number>) {
      if (node !== sender) (needed[node] as number)++
    }
  }
  const named = (messages: typeof said) =>
    messages.map(({ sender, room }): NodeAndRoom => [sender, nameOf(room)])
  return {
    sockets,
    warmUp: named(pickMessages(WARM_UP.messages)),
    messages: named(said),
    needed,
  }
}

async function run(crowd: Crowd, mode: SubscriptionMode, plan: Plan): Promise<RoomsFinding> {
  const { nodes, hosts: hostCount, rooms, clientsPerRoom, messages } = crowd
  const doing = `${nodes} nodes, ${rooms} rooms of ${clientsPerRoom}, ${mode}`
  showProgress(`${doing} · starts`)
  const cluster = await HostedCluster.open(hostCount, { subscriptionMode: mode })
  const { hosts, broker } = cluster
  const ofHost = (all: readonly NodeAndRoom[], host: number) =>
    all.filter(([node]) => node % hostCount === host)
  try {
    const indexes = Array.from({ length: hostCount }, (_, host) =>
      Array.from({ length: nodes / hostCount }, (_, i) => i * hostCount + host),
    )
    await cluster.start(indexes, nodes)
    showProgress(`${doing} · sockets enter their rooms`)
    const began = performance.now()
    await Promise.all(hosts.map((host, i) => host.call('place', ofHost(plan.sockets, i))))
    const placeSeconds = (performance.now() - began) / 1e3
    const say = (messages: readonly NodeAndRoom[], perSecond: number) =>
      Promise.all(
        hosts.map((host, i) => host.call('say', ofHost(messages, i), perSecond / hostCount)),
      )
    showProgress(`${doing} · warms up`)
    await say(plan.warmUp, WARM_UP.perSecond)
    await untilDelivered(cluster, WARM_UP.messages * clientsPerRoom)
    await sleep(DIGESTS_MS)
    const before = await cluster.counts()
    const cpuBefore = await cluster.cpu()
    const brokerBefore = cpuTime(broker.pid)
    showProgress(`${doing} · ${messages} messages, ${MESSAGES_PER_SECOND} in a second`)
    await say(plan.messages, MESSAGES_PER_SECOND)
    await untilDelivered(cluster, (WARM_UP.messages + messages) * clientsPerRoom)
    await sleep(DIGESTS_MS)
    const after = await cluster.counts()
    const nodesCpu = ((await cluster.cpu()) - cpuBefore) / messages
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
      crowd,
      mode,
      received: sum(received),
      needed,
      needless: { mean: mean(needless), min: Math.min(...needless), max: Math.max(...needless) },
      framesPerNeeded: sum(delta('framesReceived')) / needed,
      nodesCpu,
      ...(brokerBefore !== undefined &&
        brokerAfter !== undefined && { brokerCpu: (brokerAfter - brokerBefore) / messages }),
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
