import type { ZmqAdapterOptions } from 'socket.io-zeromq'
import type { EmitterOptions } from 'socket.io-zeromq-emitter'
import { bucketOfRoom, Topics } from 'socket.io-zeromq-emitter/bus'

/**
 * The subscription mode in which nodes are started, `static` or `dynamic`: the same tests run in both,
 * as vitest.config.ts says. So that a few nodes are enough to have something to direct, it is done in
 * dynamic mode whatever it costs.
 */
export const isDynamic = process.env.SUBSCRIPTION_MODE === 'dynamic'

export const emitterMode: EmitterOptions = isDynamic ? { direct: 'always' } : {}
export const nodeMode: ZmqAdapterOptions = isDynamic
  ? { ...emitterMode, subscriptionMode: 'dynamic' }
  : {}

/** The topic on which something is said to one room of the main namespace. */
export function topicOfRoom(room: string): string {
  const topics = new Topics('socket.io')
  return isDynamic ? topics.bucket(bucketOfRoom('/', room) as number) : topics.everyone
}
