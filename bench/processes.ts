import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Methods, Word } from './calls.js'
import { type Channel, ForkChannel, WorkerChannel } from './channel.js'
import type { FromWorker, PrimaryApi } from './programs/primary.js'

/** How long a child is given to end by itself before it is killed. */
const EXIT_MS = 3_000
/** How long a child is given to start. */
const START_MS = 60_000

/** Every process that may still run, ours and those that they run for us. */
const running = new Set<number>()

process.on('exit', () => {
  for (const pid of running) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // it has ended meanwhile
    }
  }
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1))
}

const programs = {
  node: new URL('./programs/node.js', import.meta.url),
  clients: new URL('./programs/clients.js', import.meta.url),
  broker: new URL('./programs/broker.js', import.meta.url),
  'curve-broker': new URL('./programs/curve-broker.js', import.meta.url),
  'redis-server': new URL('./programs/redis-server.js', import.meta.url),
  primary: new URL('./programs/primary.js', import.meta.url),
  raw: new URL('./programs/raw.js', import.meta.url),
  host: new URL('./programs/host.js', import.meta.url),
}
type Program = keyof typeof programs

/** How children are started. */
export interface ProcessOptions {
  /** Where each child writes a CPU profile when it ends. */
  profileFolder?: string | undefined
}

/** A child process that runs one of the programs in `programs/`, and what it can be asked. */
export class Process<Api extends Methods<Api>> {
  readonly #channel: Channel
  readonly #name: string
  readonly #calls = new Map<
    number,
    { resolve(value: unknown): void; reject(error: unknown): void }
  >()
  #lastId = 0
  #onNews: (news: unknown) => void = () => {}
  readonly #workers = new Set<WorkerChannel>()

  private constructor(name: string, channel: Channel) {
    this.#name = name
    this.#channel = channel
    const { pid } = channel
    running.add(pid)
    channel.onWord = (word) => this.#onWord(word)
    channel.ended.then((how) => {
      running.delete(pid)
      this.#failCalls(how)
    })
  }

  /**
   * Starts a program and waits until it answers calls.
   * @throws Error with what it wrote to standard error, if it ends or takes too long
   */
  static async start<Api extends Methods<Api>>(
    program: Program,
    args: readonly unknown[],
    options: ProcessOptions = {},
  ): Promise<Process<Api>> {
    const channel = new ForkChannel(
      fileURLToPath(programs[program]),
      args.map((arg) => JSON.stringify(arg)),
      options.profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${options.profileFolder}`] : [],
    )
    return new Process<Api>(program, channel).#started()
  }

  /** Lets the primary process of `node:cluster` start a node, and waits until that answers calls. */
  static async startWorker<Api extends Methods<Api>>(
    primary: Process<PrimaryApi>,
    args: readonly unknown[],
  ): Promise<Process<Api>> {
    const forked = await primary.call(
      'fork',
      args.map((arg) => JSON.stringify(arg)),
    )
    const channel = new WorkerChannel(primary.#channel as ForkChannel, forked)
    primary.#workers.add(channel)
    primary.onNews = (news) => {
      for (const worker of primary.#workers) worker.hear(news as FromWorker)
    }
    return new Process<Api>('worker', channel).#started()
  }

  async #started(): Promise<this> {
    const isReady = new Promise<boolean>((resolve) => {
      this.#onNews = () => resolve(true)
    })
    const hasEnded = this.#channel.ended.then(() => false)
    const tookTooLong = sleep(START_MS, false, { ref: false })
    if (await Promise.race([isReady, hasEnded, tookTooLong])) {
      this.#onNews = () => {}
      return this
    }
    this.#channel.kill()
    throw new Error(`${this.#name} did not start\n${this.#channel.stderr}`)
  }

  get pid(): number {
    return this.#channel.pid
  }

  /** Sets who hears what the child tells of its own accord. */
  set onNews(listener: (news: unknown) => void) {
    this.#onNews = listener
  }

  /**
   * Calls a method of the child.
   * @throws what the method throws, and Error if the child ends
   */
  call<Name extends keyof Api & string>(
    name: Name,
    ...args: Parameters<Api[Name]>
  ): Promise<Awaited<ReturnType<Api[Name]>>> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#channel.send({ id, name, args }, (error) => {
        this.#failCalls(`cannot be reached: ${error.message}`)
      })
    })
  }

  /** Ends the child: by its own `process.exit()`, so that it can write its profile, or by force. */
  async stop(): Promise<void> {
    this.#channel.hangUp()
    const force = setTimeout(() => this.#channel.kill(), EXIT_MS)
    await this.#channel.ended
    clearTimeout(force)
  }

  #onWord(word: Word): void {
    if ('news' in word) return this.#onNews(word.news)
    const call = this.#calls.get(word.id)
    this.#calls.delete(word.id)
    if ('error' in word) call?.reject(word.error)
    else call?.resolve(word.result)
  }

  #failCalls(what: string): void {
    const { pid, stderr } = this.#channel
    for (const { reject } of this.#calls.values()) {
      reject(new Error(`${this.#name} (process ${pid}) ${what}\n${stderr}`))
    }
    this.#calls.clear()
  }
}

/** Sees to it that a process which a child runs for us is ended with us too. */
export function watch(pid: number): { forget(): void } {
  running.add(pid)
  return { forget: () => running.delete(pid) }
}
