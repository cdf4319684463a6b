import { Process, type ProcessOptions, watch } from './processes.js'
import type { PrimaryApi } from './programs/primary.js'
import type { Middle, MiddleApi } from './systems.js'

/** The broker, `redis-server`, or the primary process of `node:cluster`. */
export class RunningMiddle {
  private constructor(
    private readonly process: Process<MiddleApi>,
    private readonly watched: { forget(): void },
    readonly address: Middle,
    readonly pid: number,
  ) {}

  static async start(kind: Middle['kind'], options: ProcessOptions): Promise<RunningMiddle> {
    const process = await Process.start<MiddleApi>(kind, [], options)
    const { middle, pid } = await process.call('address')
    return new RunningMiddle(process, watch(pid), middle, pid)
  }

  /** The process that starts the nodes, where they are workers. */
  get primary(): Process<PrimaryApi> | undefined {
    const { process, address } = this
    return address.kind === 'primary' ? (process as unknown as Process<PrimaryApi>) : undefined
  }

  async stop(): Promise<void> {
    await this.process.stop()
    this.watched.forget()
  }
}
