import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const examples = new URL('../../examples/', import.meta.url)

/** An example that runs as a process of its own, and what it has printed so far. */
export class Program {
  readonly #child: ChildProcess
  /** Resolves with the exit code, or with the signal that ended it. */
  readonly ended: Promise<number | string | null>
  readonly #lines: string[] = []
  #whenPrinted: (() => void)[] = []

  /**
   * @param file its path below `examples/`
   */
  constructor(file: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [fileURLToPath(new URL(file, examples)), ...args], {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const output of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface(output).on('line', (line) => {
        this.#lines.push(line)
        this.#wake()
      })
    }
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        resolve(code ?? signal)
        this.#wake()
      })
    })
  }

  get output(): string {
    return this.#lines.join('\n')
  }

  /** Waits until what the program has printed, as one text, matches. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = this.output.match(pattern)
      if (match) return match
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`the program ended without printing ${pattern}:\n${this.output}`)
      }
      await new Promise<void>((resolve) => this.#whenPrinted.push(resolve))
    }
  }

  /** Asks the program to end, makes it end if it does not, and resolves when it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string | null> {
    this.#child.kill(signal)
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    const how = await this.ended
    clearTimeout(killer)
    return how
  }

  #wake(): void {
    for (const wake of this.#whenPrinted.splice(0)) wake()
  }
}

/** Whether a process with this id runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Ends a process at once, if it still runs. */
export function kill(pid: number): void {
  if (isRunning(pid)) process.kill(pid, 'SIGKILL')
}
