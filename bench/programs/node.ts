/**
 * A Socket.IO server of the benchmark, in a process of its own: the one that sends or one that
 * receives.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from 'socket.io'
import { serve } from '../calls.js'
import { Room } from '../messages.js'
import { StubSocket } from '../stub-socket.js'
import type { Middle } from '../systems.js'
import { attachAdapter } from './adapters.js'
import { Receiver } from './receiver.js'
import { Sender } from './sender.js'

export interface NodeOptions {
  role: 'sender' | 'receiver'
  /** Where the other nodes are found; without it, the sender has its receiving socket itself. */
  middle?: Middle | undefined
}

/** How much a node had done, and spent on it, at one moment. */
export interface Sample {
  /** Messages sent, or received. */
  count: number
  /** Milliseconds. */
  time: number
  /** Microseconds of CPU time, of all threads. */
  cpu: number
}

const { role, middle } = JSON.parse(process.argv[2] as string) as NodeOptions
const io = new Server({ serveClient: false })
const { lost } = await attachAdapter(io, middle)

const common = {
  lost,
  /** Resolves when the node sees so many, itself included. */
  async untilServerCount(expected: number) {
    while ((await io.of('/').adapter.serverCount()) !== expected) await sleep(10)
  },
}

function sample(count: number): Sample {
  const { user, system } = process.cpuUsage()
  return { count, time: performance.now(), cpu: user + system }
}

function senderMethods() {
  const sender = new Sender(io)
  if (middle === undefined) StubSocket.join(io, Room.MATCH)
  return {
    ...common,
    flood: sender.flood.bind(sender),
    pace: sender.pace.bind(sender),
    progress: sender.progress.bind(sender),
    stop: sender.stop.bind(sender),
    sample: () => sample(sender.sent),
  }
}

function receiverMethods() {
  const receiver = new Receiver(io)
  return {
    ...common,
    begin: () => receiver.begin(),
    forgetLatencies: () => receiver.forgetLatencies(),
    latencies: () => receiver.latencies,
    count: () => receiver.count,
    progress: () => receiver.progress,
    sample: () => sample(receiver.count),
    /** For messages that match nobody: the count is known when a milestone comes. */
    sampleAtMilestone: async () => sample(await receiver.nextMilestone()),
  }
}

export type SenderApi = ReturnType<typeof senderMethods>
export type ReceiverApi = ReturnType<typeof receiverMethods>

if (role === 'sender') serve(senderMethods())
else serve(receiverMethods())
