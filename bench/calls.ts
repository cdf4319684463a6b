/**
 * Calls from the benchmark's main process to its children: the types of both sides, and the child's
 * side. The main process's side is processes.ts.
 */

/** What a child can be asked to do, by name. */
// biome-ignore lint/suspicious/noExplicitAny: each method has arguments of its own
export type Methods<Api> = { [Name in keyof Api]: (...args: any[]) => unknown }

export interface Call {
  id: number
  name: string
  args: unknown[]
}

/** What a child says: the reply to a call, or (without an id) news of its own accord. */
export type Word =
  | { id: number; result: unknown }
  | { id: number; error: unknown }
  | { news: unknown }

/** Tells the main process something that it did not ask for. */
export function tell(news: unknown): void {
  process.send?.({ news } satisfies Word)
}

/**
 * Answers calls until the main process hangs up, or is gone, however it ends.
 * @param end - ends this process
 */
export function serve<Api extends Methods<Api>>(
  methods: Api,
  end: () => void = process.exit,
): void {
  process.on('message', async (message) => {
    const { id, name, args } = message as Call
    if (id === undefined) return // not for us, but for a worker of ours or an adapter
    let reply: Word
    try {
      reply = { id, result: await methods[name as keyof Api](...args) }
    } catch (error) {
      reply = { id, error }
    }
    process.send?.(reply)
  })
  process.on('disconnect', () => end())
  tell('ready')
}

/** What a process has spent at one moment. */
export interface Sample {
  /** Milliseconds. */
  time: number
  /** Microseconds of CPU time, of all threads. */
  cpu: number
}

export function sample(): Sample {
  const { user, system } = process.cpuUsage()
  return { time: performance.now(), cpu: user + system }
}

/** What can be asked of a process that counts what arrives: at stub sockets, or at real clients. */
export interface CounterApi {
  /** Begins to count anew. */
  begin(): void
  count(): number
  /** The senders heard, and the messages that these had sent by their last milestones. */
  milestones(): { senders: number; total: number }
  forgetLatencies(): void
  /** Microseconds from `emit()` to here, of each message since they were forgotten. */
  latencies(): Float64Array
  sample(): Sample & { received: number }
}
