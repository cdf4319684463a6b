import { setTimeout as sleep } from 'node:timers/promises'
import type { CounterApi } from './calls.js'
import type { Milestone } from './messages.js'
import { RunningMiddle } from './middle.js'
import { Process, type ProcessOptions } from './processes.js'
import type { ClientsApi, ClientsOptions } from './programs/clients.js'
import type { NodeApi, NodeOptions } from './programs/node.js'
import { receives, type SceneName, scenes, WEB_CLIENTS } from './scenes.js'
import { type System, type SystemName, systems } from './systems.js'

/** For how long nothing may arrive while there is something to come. */
const STALL_MS = { lossless: 10_000, lossy: 1_000 }
/** How long subscribing may take. */
const ENTER_MS = 20_000
/** Between two tries to reach everyone who has just subscribed. */
const PROBE_MS = 20

/** Which processes a system has at work. */
export interface Setting {
  /** Nodes, of which the first sends. */
  nodes: number
  /** Whether clients with real connections are there. */
  hasClients: boolean
}

/** One system at work: the process in the middle, nodes, and the clients of some. */
export class Cluster {
  /** Those that count what arrives. */
  #counters: Process<CounterApi>[] = []
  #scenes = 0

  private constructor(
    readonly name: SystemName,
    readonly nodes: readonly Process<NodeApi>[],
    readonly clients: readonly Process<ClientsApi>[],
    readonly middle: RunningMiddle | undefined,
  ) {}

  /** Starts the processes of a system and waits until all nodes know of each other. */
  static async start(
    name: SystemName,
    setting: Setting,
    options: ProcessOptions,
  ): Promise<Cluster> {
    const started: { stop(): Promise<void> }[] = []
    const begun = <Begun extends { stop(): Promise<void> }>(process: Begun): Begun => {
      started.unshift(process)
      return process
    }
    const system: System = systems[name]
    const count = system.middle ? setting.nodes : 1
    try {
      const middle = system.middle && begun(await RunningMiddle.start(system.middle, options))
      const primary = middle?.primary
      const nodes = await Promise.all(
        Array.from({ length: count }, async (_, node) => {
          const args: NodeOptions[] = [
            { system: name, middle: middle?.address, node, nodes: count },
          ]
          return begun(
            await (primary
              ? Process.startWorker<NodeApi>(primary, args)
              : Process.start<NodeApi>('node', args, options)),
          )
        }),
      )
      await Promise.all(nodes.map((node) => node.call('untilServerCount', count)))
      const clients = setting.hasClients
        ? (await startClients(nodes)).map((process) => begun(process))
        : []
      return new Cluster(name, nodes, clients, middle)
    } catch (error) {
      for (const process of started) await process.stop()
      throw error
    }
  }

  /** Whether a loss is an error. */
  get isLossless(): boolean {
    return (systems[this.name] as System).isLossless ?? false
  }

  /** Those that count what arrives in the scene that was entered last. */
  get counters(): readonly Process<CounterApi>[] {
    return this.#counters
  }

  /** The nodes that send in a scene. */
  senders(scene: SceneName): Process<NodeApi>[] {
    const { length } = this.nodes
    return this.nodes.filter((_, i) => scenes[scene].targets(i, length).length > 0)
  }

  /** Puts everyone into their rooms and waits until all subscriptions are in force. */
  async enter(scene: SceneName): Promise<void> {
    const { nodes, clients } = this
    const scenesBefore = this.#scenes++
    await Promise.all(nodes.map((node) => node.call('reset', scenesBefore)))
    await Promise.all(nodes.map((node) => node.call('occupy', scene, scenesBefore)))
    const { isWeb, sockets } = scenes[scene]
    const counters = isWeb
      ? clients
      : nodes.filter((_, i) => receives(i, nodes.length) || sockets(i, nodes.length).length > 0)
    this.#counters = [...counters] as unknown as Process<CounterApi>[]
    this.#counters.forEach((counter, i) => {
      // a sender holds back by it; if it has ended, somebody who waits for it learns so
      counter.onNews = (news) => {
        const { node, count } = news as Milestone
        nodes[node]?.call('progress', i, count).catch(() => {})
      }
    })
    const senders = this.senders(scene)
    await this.#begin()
    for (const deadline = performance.now() + ENTER_MS; ; ) {
      if (performance.now() > deadline) throw new Error(`${scene}: not everyone hears the senders`)
      await Promise.all(senders.map((sender) => sender.call('milestone')))
      const heard = await this.#milestones()
      if (heard.every((milestones) => milestones.senders === senders.length)) break
      await sleep(PROBE_MS)
    }
    await this.#begin()
  }

  /**
   * Stops the senders, waits for their last messages, and counts what has not arrived.
   * @throws Error if a system has lost something that promises not to, or if something came twice
   */
  async end(scene: SceneName): Promise<number> {
    const sent = await Promise.all(this.senders(scene).map((sender) => sender.call('stop')))
    const total = sent.reduce((sum, count) => sum + count, 0)
    const expected = total * scenes[scene].copies(this.nodes.length)
    const stallMs = this.isLossless ? STALL_MS.lossless : STALL_MS.lossy
    const arrived = await this.#untilArrived(expected, total, stallMs)
    const known = await Promise.all(this.nodes.map((node) => node.call('lost')))
    const lost = expected - arrived + known.reduce((sum, count) => sum + count, 0)
    if (lost < 0) throw new Error(`${arrived} messages arrived where ${expected} were sent`)
    if (lost > 0 && this.isLossless) {
      throw new Error(`${arrived} of ${expected} messages arrived, and its adapters lost ${known}`)
    }
    return lost
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((process) => process.stop()))
    await Promise.all(this.nodes.map((node) => node.stop()))
    await this.middle?.stop()
  }

  /** Waits while something comes. Returns how many messages have arrived. */
  async #untilArrived(expected: number, total: number, stallMs: number): Promise<number> {
    let last = ''
    let deadline = 0
    for (;;) {
      const counts = await Promise.all(this.#counters.map((counter) => counter.call('count')))
      const milestones = await this.#milestones()
      const arrived = counts.reduce((sum, count) => sum + count, 0)
      const heard = milestones.every((milestone) => milestone.total === total)
      if (heard && arrived === expected) return arrived
      const state = JSON.stringify([counts, milestones])
      if (state !== last) deadline = performance.now() + stallMs
      else if (performance.now() > deadline) return arrived
      last = state
      await sleep(5)
    }
  }

  #begin() {
    return Promise.all(this.#counters.map((counter) => counter.call('begin')))
  }

  #milestones() {
    return Promise.all(this.#counters.map((counter) => counter.call('milestones')))
  }
}

/** The clients of each node that receives, in a process of their own. */
async function startClients(nodes: readonly Process<NodeApi>[]): Promise<Process<ClientsApi>[]> {
  const serving = nodes.filter((_, i) => receives(i, nodes.length))
  const count = WEB_CLIENTS / serving.length
  return Promise.all(
    serving.map(async (node, i) => {
      const port = await node.call('listen')
      const options: ClientsOptions = { port, firstUser: i * count, count }
      return Process.start<ClientsApi>('clients', [options])
    }),
  )
}
