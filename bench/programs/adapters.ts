import { createAdapter as clusterAdapter } from '@socket.io/cluster-adapter'
import { createShardedAdapter, createAdapter as redisAdapter } from '@socket.io/redis-adapter'
import { createAdapter as streamsAdapter } from '@socket.io/redis-streams-adapter'
import { createClient } from 'redis'
import type { Server } from 'socket.io'
import { type ZmqAdapterOptions, zmqAdapter } from 'socket.io-zeromq'
import type { Middle, SystemName } from '../systems.js'

/** Gives a server its adapter, and says how to learn whether that has lost anything. */
export interface Attachment {
  /** Messages, or frames of messages, that the adapter itself knows to be lost. */
  lost(): number
}

const NOTHING_LOST: Attachment = { lost: () => 0 }

/** As the adapters take it: some of them name an older type than the client has. */
type RedisClient = Parameters<typeof streamsAdapter>[0] & Parameters<typeof redisAdapter>[0]
type AdapterFactory = Parameters<Server['adapter']>[0]

/** Makes a server a node of a cluster, or leaves it alone with Socket.IO's in-memory adapter. */
export async function attachAdapter(
  io: Server,
  system: SystemName,
  middle: Middle | undefined,
): Promise<Attachment> {
  switch (system) {
    case 'memory':
      return NOTHING_LOST
    case 'zmq':
    case 'curve':
      return attachZmq(io, brokerOf(middle))
    case 'bare':
      return attachZmq(io, { ...brokerOf(middle), sequences: 'off' })
    case 'redis':
      return attachRedis(io, middle, redisAdapter)
    case 'sharded':
      return attachRedis(io, middle, createShardedAdapter)
    case 'streams':
      return attachRedis(io, middle, (client) => streamsAdapter(client))
    case 'cluster':
      io.adapter(clusterAdapter() as AdapterFactory)
      return NOTHING_LOST
  }
}

/** Gives a server this project's adapter, and waits until it is a member. */
export async function attachZmq(io: Server, options: ZmqAdapterOptions) {
  const zmq = zmqAdapter(options)
  io.adapter(zmq as unknown as AdapterFactory)
  await zmq.ready()
  return {
    lost: () => {
      const { framesLost, messagesDropped } = zmq.stats()
      return framesLost + messagesDropped
    },
    stats: () => zmq.stats(),
    close: () => zmq.close(),
  }
}

async function attachRedis(
  io: Server,
  middle: Middle | undefined,
  create: (pub: RedisClient, sub: RedisClient) => unknown,
): Promise<Attachment> {
  if (middle?.kind !== 'redis-server') throw new Error('this adapter needs a redis-server')
  const pub = createClient({ socket: { host: '127.0.0.1', port: middle.port } })
  const sub = pub.duplicate()
  for (const client of [pub, sub]) {
    client.on('error', () => {}) // what it loses by that is counted where it should have arrived
    await client.connect()
  }
  io.adapter(create(pub as unknown as RedisClient, sub as unknown as RedisClient) as AdapterFactory)
  return NOTHING_LOST
}

function brokerOf(middle: Middle | undefined): ZmqAdapterOptions {
  if (middle?.kind !== 'broker' && middle?.kind !== 'curve-broker') {
    throw new Error('this adapter needs a broker')
  }
  const { pub, sub, curve } = middle
  return { brokers: [{ pub, sub }], ...(curve && { curve }) }
}
