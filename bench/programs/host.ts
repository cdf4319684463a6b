/**
 * Several Socket.IO servers of one cluster in one process, each with an adapter and sockets of its
 * own: for clusters of more nodes than a machine has room for processes.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from 'socket.io'
import type { ZmqAdapterOptions } from 'socket.io-zeromq'
import { XPublisher } from 'zeromq'
import { sample, serve, tell } from '../calls.js'
import { EVENT, TEXT } from '../messages.js'
import type { SceneName } from '../scenes.js'
import { StubSocket, type Tally } from '../stub-socket.js'
import { attachZmq } from './adapters.js'
import { Receiver } from './receiver.js'
import { type Flood, Sender } from './sender.js'

/** A socket of a node, or a message of it: the node's number and the room. */
export type NodeAndRoom = readonly [node: number, room: string]

/** How long a node took, in milliseconds, from the making of its adapter on. */
export interface StartTimes {
  /** Until `ready()` resolved. */
  readyMs: number
  /** Until it saw all members. */
  completeMs: number
}

/** What the adapter of a node has counted. */
export interface NodeCounts {
  node: number
  messagesReceived: number
  framesReceived: number
  framesSent: number
  bytesSent: number
  /** What the adapter itself knows to be lost, in frames or messages. */
  lost: number
}

/** Subscriptions come within this time of the last, or not at all. */
const QUIET_MS = 200

class HostedNode {
  readonly io = new Server({ serveClient: false })
  readonly sender: Sender
  readonly receiver: Receiver
  /** What the sockets of {@link place} have got. */
  readonly placed: Tally = { count: 0 }
  #zmq!: Awaited<ReturnType<typeof attachZmq>>

  constructor(
    readonly node: number,
    nodes: number,
  ) {
    this.sender = new Sender(this.io, node, nodes)
    this.receiver = new Receiver(this.io, node, nodes, tellProgress)
  }

  async start(nodes: number, options: ZmqAdapterOptions): Promise<StartTimes> {
    const began = performance.now()
    this.#zmq = await attachZmq(this.io, options)
    const readyMs = performance.now() - began
    while ((await this.io.of('/').adapter.serverCount()) < nodes) await sleep(1)
    return { readyMs, completeMs: performance.now() - began }
  }

  leave(): Promise<void> {
    return this.#zmq.close()
  }

  counts(): NodeCounts {
    const { stats, lost } = this.#zmq
    const { messagesReceived, framesReceived, framesSent, bytesSent } = stats()
    return {
      node: this.node,
      messagesReceived,
      framesReceived,
      framesSent,
      bytesSent,
      lost: lost(),
    }
  }
}

const hosted = new Map<number, HostedNode>()
let told = 0

/** The least far of all nodes here, in messages of the sender. */
function progress(): number {
  return Math.min(...[...hosted.values()].map(({ receiver }) => receiver.progress.total))
}

/** Tells how far all nodes here are, and not of each: that would be a load by itself. */
function tellProgress(): void {
  const count = progress()
  if (count === told) return
  told = count
  tell(count)
}

const methods = {
  /** Starts these nodes, all at once, of a cluster of so many. */
  start(indexes: readonly number[], nodes: number, options: ZmqAdapterOptions) {
    return Promise.all(
      indexes.map((index) => {
        const node = new HostedNode(index, nodes)
        hosted.set(index, node)
        return node.start(nodes, options)
      }),
    )
  },
  /** Waits until each node sees so many, itself included. */
  async untilServerCount(expected: number) {
    for (const { io } of hosted.values()) {
      while ((await io.of('/').adapter.serverCount()) !== expected) await sleep(5)
    }
  },
  async leave(index: number) {
    await hosted.get(index)?.leave()
    hosted.delete(index)
  },

  occupy: (scene: SceneName, scenesBefore: number) =>
    each(({ receiver }) => receiver.occupy(scene, scenesBefore)),
  begin() {
    told = 0
    return each(({ receiver }) => receiver.begin())
  },
  count: () => [...hosted.values()].reduce((sum, { receiver }) => sum + receiver.count, 0),
  progress,
  /** Whether each node has heard the sender. */
  hasHeard: () => [...hosted.values()].every(({ receiver }) => receiver.progress.senders > 0),

  reset: (scenesBefore: number) => sending().reset(scenesBefore),
  milestone: () => sending().milestone(),
  flood: (flood: Flood) => sending().flood(flood),
  onProgress: (counter: number, count: number) => sending().progress(counter, count),
  stop: () => sending().stop(),
  sent: () => sending().sent,

  /** Puts sockets into rooms. Resolves when the adapters say that they are there. */
  async place(sockets: readonly NodeAndRoom[]) {
    await Promise.all(
      sockets.map(([index, room]) => {
        const { io, placed } = hosted.get(index) as HostedNode
        return new StubSocket(room, placed).join(io)
      }),
    )
  },
  /** What the placed sockets have got. */
  placed: () => [...hosted.values()].reduce((sum, { placed }) => sum + placed.count, 0),
  /** Emits these, so many in a second. */
  async say(messages: readonly NodeAndRoom[], perSecond: number) {
    const began = performance.now()
    for (const [i, [index, room]] of messages.entries()) {
      const wait = began + (i * 1e3) / perSecond - performance.now()
      if (wait > 0) await sleep(wait)
      hosted.get(index)?.io.to(room).emit(EVENT, TEXT)
    }
  },

  counts: () => [...hosted.values()].map((node) => node.counts()),
  sample,
  /** The subscriptions of the whole cluster, as a publisher is told of them. */
  async subscriptions(endpoint: string): Promise<number> {
    const topics = new Set<string>()
    const observer = new XPublisher({ linger: 0 })
    observer.connect(endpoint)
    observer.receiveTimeout = QUIET_MS
    try {
      for (;;) topics.add((await observer.receive())[0]?.toString('latin1', 1) ?? '')
    } catch {
      return topics.size // nothing came for a while
    } finally {
      observer.close()
    }
  },
}

export type HostApi = typeof methods

function sending(): Sender {
  return (hosted.get(0) as HostedNode).sender
}

async function each(act: (node: HostedNode) => unknown): Promise<void> {
  await Promise.all([...hosted.values()].map(act))
}

serve(methods)
