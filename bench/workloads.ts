import type { Setting } from './cluster.js'
import type { Question } from './programs/asker.js'
import type { SceneName } from './scenes.js'

/** The loads under which the systems are compared. */
export interface Workload {
  title: string
  setting: SettingName
  scene: SceneName
  drive: Drive
  /** Whether a single node with the in-memory adapter can do it. */
  isForOneNode?: boolean
  /** Whether the bare bus does it too. */
  isForYardsticks?: boolean
}

/** How messages are made. */
export type Drive =
  /** As fast as they are taken. */
  | { kind: 'flood'; isBinary?: boolean; maxWindow?: number }
  /** So many in a second. */
  | { kind: 'pace'; perSecond: number }
  /** One after the other is answered, so many at a time. */
  | { kind: 'ask'; question: Question; inFlight: number }

/** What one run of a workload found; what does not apply is left out. */
export interface Findings {
  /** Messages per second that have reached everyone, or questions per second that were answered. */
  rate?: number
  /** CPU microseconds of the sending node, for each message. */
  senderCpu?: number
  /** CPU microseconds of one receiving node, for each message of the cluster. */
  receiverCpu?: number
  /** CPU microseconds of one node that sends and receives, for each message of the cluster. */
  nodeCpu?: number
  /** CPU microseconds of the process in the middle, for each message. */
  middleCpu?: number
  /** Microseconds from `emit()` to the socket, or from the question to its answer. */
  p50?: number
  p99?: number
  p999?: number
  /** Megabytes in memory at most: the sender, one receiver, and the process in the middle. */
  senderMemory?: number
  receiverMemory?: number
  middleMemory?: number
  /** Messages that did not arrive, or answers that were missing. */
  lost?: number
}

export type Measure = keyof Findings

/** The processes of a workload; the first node sends. */
export const settings = {
  three: { nodes: 3, hasClients: false },
  five: { nodes: 5, hasClients: false },
  web: { nodes: 3, hasClients: true },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings
export const settingNames = Object.keys(settings) as SettingName[]

export const workloads = {
  match: {
    title: 'One room, two receiving nodes with one socket each',
    setting: 'three',
    scene: 'room',
    drive: { kind: 'flood' },
    isForOneNode: true,
    isForYardsticks: true,
  },
  'no-match': {
    title: 'One room in which nobody is, two receiving nodes',
    setting: 'three',
    scene: 'empty',
    drive: { kind: 'flood' },
    isForYardsticks: true,
  },
  notifications: {
    title: 'Notifications to 10,000 users, each in a room of his own on one of two nodes',
    setting: 'three',
    scene: 'users',
    drive: { kind: 'flood' },
    isForOneNode: true,
  },
  chat: {
    title: 'Chat: 1,500 rooms of 4 sockets on two of three nodes, and all three nodes send',
    setting: 'three',
    scene: 'chat',
    drive: { kind: 'flood' },
    isForOneNode: true,
  },
  binary: {
    title: 'A binary of 10 KB to one room, two receiving nodes with one socket each',
    setting: 'three',
    scene: 'room',
    drive: { kind: 'flood', isBinary: true, maxWindow: 500 },
    isForOneNode: true,
  },
  acks: {
    title: 'Broadcasts that one socket on each of two nodes acknowledges, 32 at a time',
    setting: 'three',
    scene: 'acknowledging',
    drive: { kind: 'ask', question: 'acknowledge', inFlight: 32 },
    isForOneNode: true,
  },
  fetch: {
    title: 'fetchSockets() over three nodes with 100 matching sockets each, 4 at a time',
    setting: 'three',
    scene: 'fetched',
    drive: { kind: 'ask', question: 'fetch', inFlight: 4 },
  },
  'latency-1000': paced(1_000),
  'latency-5000': paced(5_000),
  'latency-20000': paced(20_000),
  'match-4': {
    title: 'One room, four receiving nodes with one socket each',
    setting: 'five',
    scene: 'room',
    drive: { kind: 'flood' },
  },
  'web-room': {
    title: 'WebSocket: broadcasts to 1,000 clients of two nodes',
    setting: 'web',
    scene: 'web-room',
    drive: { kind: 'flood', maxWindow: 20 },
    isForOneNode: true,
  },
  'web-users': {
    title: 'WebSocket: 2,000 notifications/s to single clients out of 1,000 of two nodes',
    setting: 'web',
    scene: 'web-users',
    drive: { kind: 'pace', perSecond: 2_000 },
    isForOneNode: true,
  },
} as const satisfies Record<string, Workload>

export type WorkloadName = keyof typeof workloads
export const workloadNames = Object.keys(workloads) as WorkloadName[]

/** What the budget is about: all that `--quick` runs. */
export const budgetWorkloads: readonly WorkloadName[] = [
  'match',
  'no-match',
  'latency-5000',
  'latency-20000',
]

function paced(perSecond: number) {
  return {
    title: `${perSecond.toLocaleString('en')} messages/s to one room, two receiving nodes`,
    setting: 'three',
    scene: 'timed',
    drive: { kind: 'pace', perSecond },
  } as const satisfies Workload
}
