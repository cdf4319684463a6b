import type { ManagerOptions, SocketOptions } from 'socket.io-client'
import * as msgpackParser from 'socket.io-msgpack-parser'
import { type NodeProcess, TestCluster } from '../support/cluster.js'

/** A way to set up servers and clients, in which all behaves the same. */
export interface Mode {
  name: string
  node: Parameters<typeof TestCluster.start>[1]
  client: Partial<ManagerOptions & SocketOptions>
}

export const modes: Mode[] = [
  { name: 'WebSocket clients', node: {}, client: {} },
  { name: 'polling clients', node: {}, client: { transports: ['polling'] } },
  {
    name: 'servers that compress',
    node: { server: { perMessageDeflate: { threshold: 0 } } },
    client: {},
  },
  {
    name: 'socket.io-msgpack-parser',
    node: { msgpack: true },
    client: { parser: msgpackParser },
  },
]

/** Waiting for an answer that does not come would take longer than the test may. */
export const NEVER_MS = 600_000

/** A cluster of three nodes, of which none gives up waiting for another. */
export async function startThree(
  options: Parameters<typeof TestCluster.start>[1] = {},
): Promise<{ cluster: TestCluster; a: NodeProcess; b: NodeProcess; c: NodeProcess }> {
  const cluster = await TestCluster.start(3, {
    ...options,
    zmq: { requestTimeout: NEVER_MS, ...options.zmq },
  })
  const [a, b, c] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess]
  return { cluster, a, b, c }
}
