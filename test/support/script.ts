import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { until } from './until.js'

/** From here, scripts import the packages by their names, as a user's do. */
const TESTS = fileURLToPath(new URL('..', import.meta.url))

/** What a program left behind. */
export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Runs a program to its end. The time limit only keeps one that hangs from hanging the tests. */
export async function runProgram(
  command: string,
  args: string[],
  { cwd = TESTS, env = {} as NodeJS.ProcessEnv, timeoutMs = 60_000 } = {},
): Promise<Outcome> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  const exited = once(child, 'exit')
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exited,
  ])
  return { code, signal, stdout, stderr }
}

/** Runs the source text of a module in a Node process of its own, to its end. */
export function runScript(
  source: string,
  options?: Parameters<typeof runProgram>[2],
): Promise<Outcome> {
  return runProgram(process.execPath, ['--input-type=module', '--eval', source], options)
}

/** Programs that may still be running when the tests end, however that happens. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A program that runs until it is stopped. */
export class RunningProgram {
  readonly #child: ChildProcess
  stdout = ''
  stderr = ''
  readonly exited: Promise<number | NodeJS.Signals | null>

  constructor(command: string, args: string[], { cwd = TESTS } = {}) {
    this.#child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(this.#child)
    this.#child.stdout?.on('data', (data) => {
      this.stdout += data
    })
    this.#child.stderr?.on('data', (data) => {
      this.stderr += data
    })
    this.exited = once(this.#child, 'exit').then(([code, signal]) => {
      running.delete(this.#child)
      return code ?? signal
    })
  }

  /** Waits until what it has printed matches. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    await until(() => pattern.test(this.stdout) || !running.has(this.#child), {
      what: () => `${pattern} in what was printed:\n${this.stdout}\n${this.stderr}`,
    })
    const match = pattern.exec(this.stdout)
    if (match === null) throw new Error(`it ended without printing ${pattern}:\n${this.stderr}`)
    return match
  }

  /** Asks it to end, and resolves with its exit code, or with the signal that ended it. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    this.#child.kill(signal)
    return this.exited
  }
}
