/**
 * A Socket.IO server of the benchmark, in a process of its own: it sends, or receives, or both.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from 'socket.io'
import { type Sample, sample, serve, tell } from '../calls.js'
import type { Middle, SystemName } from '../systems.js'
import { attachAdapter } from './adapters.js'
import { Asker } from './asker.js'
import { Receiver } from './receiver.js'
import { Sender } from './sender.js'

export interface NodeOptions {
  system: SystemName
  /** Where the other nodes are found; without it, this is the only one. */
  middle?: Middle | undefined
  node: number
  nodes: number
}

const { system, middle, node, nodes } = JSON.parse(process.argv[2] as string) as NodeOptions
const io = new Server({ serveClient: false, transports: ['websocket'] })
const { lost } = await attachAdapter(io, system, middle)
const sender = new Sender(io, node, nodes)
const receiver = new Receiver(io, node, nodes, tell)
const asker = new Asker(io, nodes)
io.on('connection', (socket) => socket.join(socket.handshake.auth.rooms))

const methods = {
  /** Messages, or frames of messages, that the adapter itself knows to be lost. */
  lost,
  /** Resolves when the node sees so many, itself included. */
  async untilServerCount(expected: number) {
    while ((await io.of('/').adapter.serverCount()) !== expected) await sleep(10)
  },
  /** Lets WebSocket clients connect. */
  async listen(): Promise<number> {
    const server = createServer()
    io.attach(server)
    // exclusive: the workers of node:cluster would share one port
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true })
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },
  occupy: receiver.occupy.bind(receiver),

  flood: sender.flood.bind(sender),
  pace: sender.pace.bind(sender),
  progress: sender.progress.bind(sender),
  milestone: sender.milestone.bind(sender),
  reset: sender.reset.bind(sender),
  stop: sender.stop.bind(sender),

  ask: asker.ask.bind(asker),
  answers: () => ({ latencies: asker.latencies, lost: asker.lost }),
  forgetAnswers: () => asker.forgetLatencies(),
  stopAsking: asker.stop.bind(asker),

  begin: receiver.begin.bind(receiver),
  forgetLatencies: receiver.forgetLatencies.bind(receiver),
  latencies: () => receiver.latencies,
  count: () => receiver.count,
  milestones: () => ({ senders: receiver.progress.senders, total: receiver.progress.total }),

  sample: (): NodeSample => ({
    ...sample(),
    sent: sender.sent,
    answered: asker.answered,
    received: receiver.count,
  }),
  /** For messages that match nobody: how many have passed is known when a milestone comes. */
  async sampleAtMilestone(): Promise<NodeSample> {
    await receiver.progress.next()
    return { ...sample(), sent: 0, answered: 0, received: receiver.progress.total }
  },
}

/** How much a node had done, and spent on it, at one moment. */
export interface NodeSample extends Sample {
  /** Messages emitted. */
  sent: number
  /** Questions of this node that were answered. */
  answered: number
  /** Messages that sockets of this node have got. */
  received: number
}

export type NodeApi = typeof methods

serve(methods)
