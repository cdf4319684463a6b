import type { Socket } from 'socket.io-client'
import type { ZmqAdapterOptions } from 'socket.io-zeromq'
import { type NodeProcess, TestCluster } from '../support/cluster.js'
import { until } from '../support/until.js'

/** Nodes that hear only what is for their rooms, and direct whatever they can. */
export const directing: ZmqAdapterOptions = { subscriptionMode: 'dynamic', direct: 'always' }
/** The same, but for what does not pay. */
export const byCost: ZmqAdapterOptions = { subscriptionMode: 'dynamic', direct: 'by-cost' }
/** Nodes that hear everything, and yet direct. */
export const hearingAll: ZmqAdapterOptions = { subscriptionMode: 'static', direct: 'always' }

/** A cluster of nodes, each with its own options, that know of each other's interests. */
export async function start(...options: ZmqAdapterOptions[]): Promise<TestCluster> {
  const cluster = new TestCluster()
  try {
    await cluster.startBroker()
    for (const zmq of options) await cluster.startNode({ zmq, namespaces: ['/known'] })
    await cluster.settled()
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return cluster
}

export const statsOf = (node: NodeProcess) => node.run(({ zmq }) => zmq.stats())

/** Connects a client whose socket its server can find under this name. */
export async function connectAs(
  cluster: TestCluster,
  node: NodeProcess,
  name: string,
): Promise<Socket> {
  const client = await cluster.connect(node)
  const ids = { id: client.id!, name }
  await node.run(({ io, kept }, { id, name }) => {
    kept[name] = io.sockets.sockets.get(id)
  }, ids)
  return client
}

/**
 * Lets a node emit to a room until that is directed: it has to hear first who is interested in what.
 */
export async function directs(node: NodeProcess): Promise<void> {
  await until(async () => {
    const before = await statsOf(node)
    await node.run(({ io }) => void io.to('a room of nobody').emit('knock'))
    return (await statsOf(node)).framesDirected > before.framesDirected
  })
}
