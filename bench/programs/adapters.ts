import { createAdapter as redisAdapter } from '@socket.io/redis-adapter'
import { createClient } from 'redis'
import type { Server } from 'socket.io'
import { zmqAdapter } from 'socket.io-zeromq'
import type { Middle } from '../systems.js'

/** Gives a server its adapter, and says how to learn whether that has lost anything. */
export interface Attachment {
  /** Messages, or frames of messages, that the adapter itself knows to be lost. */
  lost(): number
}

const NOTHING_LOST: Attachment = { lost: () => 0 }

/** Makes a server a node of a cluster, or leaves it alone with Socket.IO's in-memory adapter. */
export async function attachAdapter(io: Server, middle: Middle | undefined): Promise<Attachment> {
  switch (middle?.kind) {
    case 'broker':
      return attachZmq(io, middle.pub, middle.sub)
    case 'redis-server':
      return attachRedis(io, middle.port)
    default:
      return NOTHING_LOST
  }
}

async function attachZmq(io: Server, pub: string, sub: string): Promise<Attachment> {
  const zmq = zmqAdapter({ brokers: [{ pub, sub }] })
  io.adapter(zmq as unknown as Parameters<Server['adapter']>[0])
  await zmq.ready()
  return {
    lost: () => {
      const { framesLost, messagesDropped } = zmq.stats()
      return framesLost + messagesDropped
    },
  }
}

async function attachRedis(io: Server, port: number): Promise<Attachment> {
  const pub = createClient({ socket: { host: '127.0.0.1', port } })
  const sub = pub.duplicate()
  let reconnections = 0
  for (const client of [pub, sub]) {
    client.on('error', () => {})
    client.on('reconnecting', () => reconnections++)
    await client.connect()
  }
  io.adapter(redisAdapter(pub, sub))
  // what is published while a subscriber is away is gone
  return { lost: () => reconnections }
}
