/**
 * What the scale run says about clusters that were not measured: costs per message and per frame, from
 * which the load of any cluster can be added up.
 */
import type { ScaleStep } from './scale.js'
import { costLine, median } from './statistics.js'

/** From this number of nodes on, what the broker spends on frames that come in no longer counts. */
const MANY_NODES = 8

/** Microseconds of CPU time, unless said otherwise. */
export interface ScaleModel {
  /** Of a node, for each message that it says, and for each frame in which it does. */
  sayMessage: number
  sayFrame: number
  /** Of a node, for each message that it hears and has a client for, or has none for. */
  hearMatched: number
  hearUnmatched: number
  /** Of a node, for each frame that it hears. */
  hearFrame: number
  /** Of the broker, for each frame that it passes to one node, and for each kilobyte of it. */
  passFrame: number
  passKilobyte: number
  /** Bytes of a message of 60 bytes of text, with its envelope. */
  messageBytes: number
  /** Bytes of a frame besides its messages. */
  frameBytes: number
  /** Megabytes that a node adds to its process. */
  nodeMegabytes: number
}

/** @returns `undefined` where the broker's CPU time could not be known */
export function modelOf(steps: readonly ScaleStep[]): ScaleModel | undefined {
  const of = (pick: (step: ScaleStep) => number) => median(steps.map(pick))
  // of what is said in frames of two sizes, one part belongs to the message and one to the frame
  const saying = costLine(perMessage(steps, 'senderCpu'))
  const hearing = costLine(perMessage(steps, 'receiverCpu'))
  const unmatched = of(
    ({ loads }) => loads.unmatched.receiverCpu - hearing.slope / loads.unmatched.messagesPerFrame,
  )
  const passes = steps
    .filter(({ nodes }) => nodes >= MANY_NODES)
    .flatMap(({ loads }) => [loads.full, loads.small, loads.unmatched])
    .flatMap(({ bytesPerFrame, brokerCpu }) =>
      brokerCpu === undefined ? [] : [[bytesPerFrame / 1e3, brokerCpu] as const],
    )
  if (passes.length === 0) return undefined
  const passing = costLine(passes)
  const size = costLine(
    steps.flatMap(({ loads }) =>
      [loads.full, loads.small].map(
        ({ messagesPerFrame, bytesPerFrame }) => [messagesPerFrame, bytesPerFrame] as const,
      ),
    ),
  )
  const memory = costLine(
    steps.flatMap(({ nodesInHost, hostMemory }) =>
      hostMemory === undefined ? [] : [[nodesInHost, hostMemory] as const],
    ),
  )
  return {
    sayMessage: saying.offset,
    sayFrame: saying.slope,
    hearMatched: hearing.offset,
    hearUnmatched: Math.max(0, unmatched),
    hearFrame: hearing.slope,
    passFrame: passing.offset,
    passKilobyte: passing.slope,
    messageBytes: size.slope,
    frameBytes: size.offset,
    nodeMegabytes: memory.slope,
  }
}

/** Points of frames per message, and CPU per message. */
function perMessage(steps: readonly ScaleStep[], key: 'senderCpu' | 'receiverCpu') {
  return steps.flatMap(({ loads }) =>
    [loads.full, loads.small].map((load) => [1 / load.messagesPerFrame, load[key]] as const),
  )
}

/** What fills first as more is said, in a cluster of so many nodes. */
export interface Limits {
  /** Messages per second, of the whole cluster, that fill one core of the broker. */
  broker: number
  /** The same for one core of a node that has no client for any of them. */
  node: number
  /** The same for a network of 10 Gbit/s at the broker's way out. */
  network: number
}

const TEN_GIGABIT_BYTES = 1.25e9

export function limitsOf(model: ScaleModel, nodes: number, messagesPerFrame: number): Limits {
  const frameBytes = model.frameBytes + messagesPerFrame * model.messageBytes
  const passCpu = model.passFrame + (model.passKilobyte * frameBytes) / 1e3
  const hearCpu = model.hearFrame + messagesPerFrame * model.hearUnmatched
  return {
    broker: ((1e6 / passCpu) * messagesPerFrame) / nodes,
    node: (1e6 / hearCpu) * messagesPerFrame,
    network: ((TEN_GIGABIT_BYTES / frameBytes) * messagesPerFrame) / nodes,
  }
}
