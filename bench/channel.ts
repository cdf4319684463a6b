/**
 * How words go to and from a child: directly, or through the primary process of `node:cluster`.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Call, Word } from './calls.js'
import type { ForWorker, FromWorker } from './programs/primary.js'

export interface Channel {
  readonly pid: number
  /** What the child has written to standard error. */
  readonly stderr: string
  /** Resolves with a few words on how the child ended. */
  readonly ended: Promise<string>
  onWord: (word: Word) => void
  send(call: Call, onError: (error: Error) => void): void
  /** Asks the child to end. */
  hangUp(): void
  kill(): void
}

/** To a process of our own. */
export class ForkChannel implements Channel {
  readonly #child: ChildProcess
  readonly ended: Promise<string>
  stderr = ''
  onWord: (word: Word) => void = () => {}

  constructor(program: string, args: string[], execArgv: string[]) {
    this.#child = fork(program, args, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      execArgv,
    })
    this.#child.stderr?.on('data', (text) => {
      this.stderr += text
    })
    this.#child.on('message', (word: Word) => this.onWord(word))
    this.ended = once(this.#child, 'exit').then(([code, signal]) => `ended (${signal ?? code})`)
  }

  get pid(): number {
    return this.#child.pid as number
  }

  send(call: Call | ForWorker, onError: (error: Error) => void): void {
    this.#child.send(call, (error) => {
      if (error) onError(error)
    })
  }

  hangUp(): void {
    if (this.#child.connected) this.#child.disconnect()
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/** To a worker of a primary process. */
export class WorkerChannel implements Channel {
  readonly pid: number
  readonly stderr = '' // the primary's
  readonly ended: Promise<string>
  onWord: (word: Word) => void = () => {}
  readonly #primary: ForkChannel
  readonly #worker: number
  #end!: (how: string) => void

  constructor(primary: ForkChannel, { worker, pid }: { worker: number; pid: number }) {
    this.pid = pid
    this.#primary = primary
    this.#worker = worker
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Takes what the primary passes on, if it is from this worker. */
  hear({ worker, word }: FromWorker): void {
    if (worker !== this.#worker) return
    if (word === undefined) this.#end('ended')
    else this.onWord(word)
  }

  send(call: Call, onError: (error: Error) => void): void {
    this.#primary.send({ worker: this.#worker, call } satisfies ForWorker, onError)
  }

  hangUp(): void {
    this.#primary.send({ worker: this.#worker, call: undefined } satisfies ForWorker, () => {})
  }

  kill(): void {
    try {
      process.kill(this.pid, 'SIGKILL')
    } catch {
      // it has ended meanwhile
    }
  }
}
