import type { ZmqAdapterOptions } from 'socket.io-zeromq'
import { RunningMiddle } from './middle.js'
import { Process } from './processes.js'
import type { HostApi, NodeCounts, StartTimes } from './programs/host.js'

export type Host = Process<HostApi>

/** A cluster of this project's nodes, several in each process, and its broker. */
export class HostedCluster {
  private constructor(
    readonly broker: RunningMiddle,
    readonly hosts: readonly Host[],
    readonly options: ZmqAdapterOptions,
  ) {}

  /** Starts a broker and so many processes that have no nodes yet. */
  static async open(hostCount: number, options: ZmqAdapterOptions = {}): Promise<HostedCluster> {
    const broker = await RunningMiddle.start('broker', {})
    const hosts = await Promise.all(
      Array.from({ length: hostCount }, () => Process.start<HostApi>('host', [])),
    )
    const { pub, sub } = broker.address as { pub: string; sub: string }
    return new HostedCluster(broker, hosts, { ...options, brokers: [{ pub, sub }] })
  }

  /** Starts nodes on all hosts at once. */
  async start(indexesOfHosts: readonly number[][], nodes: number): Promise<StartTimes[]> {
    const times = await Promise.all(
      this.hosts.map((host, i) => host.call('start', indexesOfHosts[i] ?? [], nodes, this.options)),
    )
    return times.flat()
  }

  async counts(): Promise<NodeCounts[]> {
    const counts = await Promise.all(this.hosts.map((host) => host.call('counts')))
    return counts.flat().sort((a, b) => a.node - b.node)
  }

  /** Microseconds of CPU time of all hosts. */
  async cpu(): Promise<number> {
    const samples = await Promise.all(this.hosts.map((host) => host.call('sample')))
    return samples.reduce((sum, { cpu }) => sum + cpu, 0)
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()))
    await this.broker.stop()
  }
}
