import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const FIXTURES = fileURLToPath(new URL('../dist/fixtures/', import.meta.url))

/** Every child of this test file that may still be running. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A child process that runs the functions it is sent. See fixtures/remote.ts. */
export class TestProcess<Context> {
  readonly child: ChildProcess
  /** What it has written to standard error. */
  stderr = ''
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  #lastId = 0
  readonly #calls = new Map<
    number,
    { resolve(value: unknown): void; reject(error: unknown): void }
  >()

  private constructor(child: ChildProcess) {
    this.child = child
    running.add(child)
    child.stderr?.on('data', (text) => {
      this.stderr += text
    })
    child.on('message', (message) => {
      const reply = message as { id: number; result?: unknown; error?: unknown }
      const call = this.#calls.get(reply.id)
      this.#calls.delete(reply.id)
      if ('error' in reply) call?.reject(reply.error)
      else call?.resolve(reply.result)
    })
    // after what it wrote has been read
    this.exited = once(child, 'close').then(([code, signal]) => {
      running.delete(child)
      for (const call of this.#calls.values()) {
        call.reject(new Error(`the process has ended (${signal ?? code})\n${this.stderr}`))
      }
      this.#calls.clear()
      return { code, signal }
    })
  }

  /** Starts a fixture and waits until it listens. */
  static async start<Context>(
    fixture: string,
    options: object,
    env: NodeJS.ProcessEnv = {},
  ): Promise<TestProcess<Context>> {
    const child = fork(`${FIXTURES}${fixture}.js`, [JSON.stringify(options)], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    })
    const started = new TestProcess<Context>(child)
    const ready = once(child, 'message').then(() => 'ready' as const)
    if ((await Promise.race([ready, started.exited])) !== 'ready') {
      throw new Error(`fixture ${fixture} did not start:\n${started.stderr}`)
    }
    return started
  }

  get pid(): number {
    return this.child.pid as number
  }

  /**
   * Runs a function in the child.
   * @param fn - sent as its source text: it sees nothing of the test but its two arguments
   */
  run<Result, Argument = undefined>(
    fn: (context: Context, argument: Argument) => Result | Promise<Result>,
    argument?: Argument,
  ): Promise<Result> {
    const id = ++this.#lastId
    return new Promise<Result>((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.child.send({ id, source: fn.toString(), argument }, (error) => {
        if (error) reject(error)
      })
    })
  }

  /** Sends the child a signal. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Ends the child at once, and waits for it to be gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }
}
