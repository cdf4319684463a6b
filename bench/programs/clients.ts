/**
 * Real clients of one node, over WebSocket, all in this process. They count as a node's stub sockets
 * do.
 */
import { io, type Socket } from 'socket.io-client'
import { type Sample, sample, serve, tell } from '../calls.js'
import { ageOfText, EVENT, readMilestone } from '../messages.js'
import { Room, userRoom } from '../scenes.js'
import { Progress } from './progress.js'

export interface ClientsOptions {
  port: number
  /** The users of these clients, from this one on. */
  firstUser: number
  count: number
}

/** Clients that connect at the same time. */
const CONNECTING_AT_ONCE = 50

const options = JSON.parse(process.argv[2] as string) as ClientsOptions
const progress = new Progress(tell)
let received = 0
let latencies: number[] = []

function onMessage(text: string): void {
  received++
  latencies.push(ageOfText(text))
}

async function connect<Value>(rooms: string[], onEvent: (value: Value) => void): Promise<void> {
  const socket: Socket = io(`http://127.0.0.1:${options.port}`, {
    transports: ['websocket'],
    forceNew: true,
    auth: { rooms },
  })
  socket.on(EVENT, onEvent as (...args: unknown[]) => void)
  await new Promise<void>((resolve) => socket.once('connect', resolve))
}

for (let begun = 0; begun < options.count; begun += CONNECTING_AT_ONCE) {
  const some = Math.min(CONNECTING_AT_ONCE, options.count - begun)
  await Promise.all(
    Array.from({ length: some }, (_, i) =>
      connect([Room.MATCH, userRoom(options.firstUser + begun + i)], onMessage),
    ),
  )
}
await connect([Room.WEB_PROGRESS], (value: number) => progress.note(readMilestone(value)))

const methods = {
  begin() {
    progress.begin()
    received = 0
    latencies = []
  },
  forgetLatencies() {
    latencies = []
  },
  latencies: () => Float64Array.from(latencies),
  count: () => received,
  milestones: () => ({ senders: progress.senders, total: progress.total }),
  sample: (): Sample & { received: number } => ({ ...sample(), received }),
}

export type ClientsApi = typeof methods

serve(methods)
