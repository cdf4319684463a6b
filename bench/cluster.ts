import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Methods } from './calls.js'
import { Process, type ProcessOptions, watch } from './processes.js'
import type { NodeOptions, ReceiverApi, SenderApi } from './programs/node.js'
import type { Middle, MiddleApi, System } from './systems.js'

/** Linux counts CPU time in /proc in ticks of 10 ms (USER_HZ, see proc_pid_stat(5)). */
const MICROSECONDS_PER_TICK = 10_000
/** For how long nothing may arrive while there is something to come. */
const STALL_MS = 10_000

/** One system at work: the process in the middle, a node that sends and nodes that receive. */
export class Cluster {
  private constructor(
    readonly sender: Process<SenderApi>,
    readonly receivers: readonly Process<ReceiverApi>[],
    private readonly middle: RunningMiddle | undefined,
  ) {
    receivers.forEach((receiver, i) => {
      // the sender holds back by it; if it has ended, somebody who waits for it learns so
      receiver.onNews = (count) => sender.call('progress', i, count as number).catch(() => {})
    })
  }

  /** Starts the processes of a system and waits until all nodes know of each other. */
  static async start(
    system: System,
    receiverCount: number,
    options: ProcessOptions,
  ): Promise<Cluster> {
    const started: { stop(): Promise<void> }[] = []
    try {
      const middle = system.middle && (await RunningMiddle.start(system.middle, options))
      if (middle) started.push(middle)
      const startNode = async <Api extends Methods<Api>>(role: NodeOptions['role']) => {
        const nodeOptions: NodeOptions = { role, middle: middle?.address }
        const node = await Process.start<Api>('node', [nodeOptions], options)
        started.push(node)
        return node
      }
      const [sender, ...receivers] = await Promise.all([
        startNode<SenderApi>('sender'),
        ...Array.from({ length: middle ? receiverCount : 0 }, () =>
          startNode<ReceiverApi>('receiver'),
        ),
      ])
      const nodes = [sender, ...receivers]
      await Promise.all(nodes.map((node) => node.call('untilServerCount', nodes.length)))
      return new Cluster(sender, receivers, middle)
    } catch (error) {
      await Promise.all(started.map((process) => process.stop()))
      throw error
    }
  }

  /** Microseconds of CPU time that the process in the middle has spent, where it can be known. */
  middleCpu(): number | undefined {
    return this.middle?.cpu()
  }

  /** Lets the receivers begin to count anew. */
  async begin(): Promise<void> {
    await Promise.all(this.receivers.map((receiver) => receiver.call('begin')))
  }

  /**
   * Stops the sender, waits for its last message and checks that all have arrived.
   * @param isCounted - whether receivers count the messages, and not only the milestones
   * @throws Error that says what is missing
   */
  async end(isCounted: boolean): Promise<void> {
    const sent = await this.sender.call('stop')
    for (const receiver of this.receivers) {
      await untilAt(receiver, sent)
      const lost = (await receiver.call('lost')) + (await this.sender.call('lost'))
      const count = isCounted ? await receiver.call('count') : sent
      if (count !== sent || lost > 0) {
        throw new Error(`a receiver got ${count} of ${sent} messages, and its adapter lost ${lost}`)
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.sender, ...this.receivers].map((node) => node.stop()))
    await this.middle?.stop()
  }
}

/** @throws Error if a receiver does not come so far */
async function untilAt(receiver: Process<ReceiverApi>, sent: number): Promise<void> {
  let last = -1
  let deadline = 0
  for (;;) {
    const progress = await receiver.call('progress')
    if (progress === sent) return
    if (progress !== last) deadline = performance.now() + STALL_MS
    else if (performance.now() > deadline) {
      throw new Error(`a receiver is at message ${progress} of ${sent}, and no more comes`)
    }
    last = progress
    await sleep(5)
  }
}

/** The broker, or `redis-server`. */
class RunningMiddle {
  private constructor(
    private readonly process: Process<MiddleApi>,
    private readonly watched: { forget(): void },
    readonly address: Middle,
    private readonly pid: number,
  ) {}

  static async start(kind: Middle['kind'], options: ProcessOptions): Promise<RunningMiddle> {
    const process = await Process.start<MiddleApi>(kind, [], options)
    const { middle, pid } = await process.call('address')
    return new RunningMiddle(process, watch(pid), middle, pid)
  }

  cpu(): number | undefined {
    let stat: string
    try {
      stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1')
    } catch {
      return undefined // not on Linux
    }
    // the name, in parentheses, may hold spaces; behind it come the fields from the third on
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_TICK
  }

  async stop(): Promise<void> {
    await this.process.stop()
    this.watched.forget()
  }
}
