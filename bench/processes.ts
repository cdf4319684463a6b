import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Call, Methods, Word } from './calls.js'

/** How long a child is given to end by itself before it is killed. */
const EXIT_MS = 3_000
/** How long a child is given to start. */
const START_MS = 20_000

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
  broker: new URL('./programs/broker.js', import.meta.url),
  'redis-server': new URL('./programs/redis-server.js', import.meta.url),
}
type Program = keyof typeof programs

/** How children are started. */
export interface ProcessOptions {
  /** Where each child writes a CPU profile when it ends. */
  profileFolder?: string | undefined
}

/** A child process that runs one of the programs in `programs/`, and what it can be asked. */
export class Process<Api extends Methods<Api>> {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #ended: Promise<unknown>
  readonly #calls = new Map<
    number,
    { resolve(value: unknown): void; reject(error: unknown): void }
  >()
  #lastId = 0
  #onNews: (news: unknown) => void = () => {}
  #stderr = ''

  private constructor(program: Program, args: readonly unknown[], options: ProcessOptions) {
    this.#name = program
    this.#child = fork(
      fileURLToPath(programs[program]),
      args.map((arg) => JSON.stringify(arg)),
      {
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
        execArgv: options.profileFolder
          ? ['--cpu-prof', `--cpu-prof-dir=${options.profileFolder}`]
          : [],
      },
    )
    const pid = this.#child.pid
    if (pid !== undefined) running.add(pid)
    this.#child.stderr?.on('data', (text) => {
      this.#stderr += text
    })
    this.#child.on('message', (word: Word) => this.#onWord(word))
    this.#ended = once(this.#child, 'exit').then(([code, signal]) => {
      if (pid !== undefined) running.delete(pid)
      this.#failCalls(`ended (${signal ?? code})`)
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
    const started = new Process<Api>(program, args, options)
    const isReady = new Promise<boolean>((resolve) => {
      started.#onNews = () => resolve(true)
    })
    const hasEnded = started.#ended.then(() => false)
    const tookTooLong = sleep(START_MS, false, { ref: false })
    if (await Promise.race([isReady, hasEnded, tookTooLong])) return started
    started.#child.kill('SIGKILL')
    throw new Error(`${program} did not start\n${started.#stderr}`)
  }

  get pid(): number {
    return this.#child.pid as number
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
      this.#child.send({ id, name, args } satisfies Call, (error) => {
        if (error) this.#failCalls(`cannot be reached: ${error.message}`)
      })
    })
  }

  /** Ends the child: by its own `process.exit()`, so that it can write its profile, or by force. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    const force = setTimeout(() => this.#child.kill('SIGKILL'), EXIT_MS)
    await this.#ended
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
    for (const { reject } of this.#calls.values()) {
      reject(new Error(`${this.#name} (process ${this.#child.pid}) ${what}\n${this.#stderr}`))
    }
    this.#calls.clear()
  }
}

/** Sees to it that a process which a child runs for us is ended with us too. */
export function watch(pid: number): { forget(): void } {
  running.add(pid)
  return { forget: () => running.delete(pid) }
}
