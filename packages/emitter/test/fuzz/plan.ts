import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** How many inputs each suite runs; `npm run fuzz` a million. */
export const INPUTS = Number(process.env.FUZZ_INPUTS ?? 20_000)
/** The seed, to run the same inputs again. */
export const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32))
/** Nothing that is fuzzed takes so long, on the slowest machine. */
export const HANG_MS = 20_000

const CASES = fileURLToPath(new URL('cases/', import.meta.url))

/** Inputs that have found something, by the names of their files: bodies of frames. */
export function readCases(): [name: string, bodies: Buffer[]][] {
  return readdirSync(CASES)
    .filter((name) => name.endsWith('.hex'))
    .map((name) => [name, readBodies(readFileSync(CASES + name, 'utf8'))])
}

/** One body in hex on each line; the rest of a line behind a `#` is a comment. */
function readBodies(text: string): Buffer[] {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim())
  return lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'hex'))
}

/** Keeps inputs that have found something, and says how to see it again. */
export function keep(suite: string, bodies: readonly Buffer[], error: unknown): Error {
  const name = `found-${suite}-${SEED}.hex`
  mkdirSync(CASES, { recursive: true })
  const message = error instanceof Error ? error.message : String(error)
  const comment = `# ${message.split('\n')[0]}\n`
  writeFileSync(CASES + name, comment + bodies.map((body) => `${body.toString('hex')}\n`).join(''))
  return new Error(`${message}\nwith FUZZ_SEED=${SEED}; the inputs are in cases/${name}`, {
    cause: error,
  })
}

/** Says how it went, where somebody waits for it. */
export function report(suite: string, startedAt: number, figures: Record<string, number>): void {
  if (process.env.FUZZ_INPUTS === undefined) return
  const seconds = (performance.now() - startedAt) / 1_000
  const rate = Math.round((figures.inputs ?? 0) / seconds)
  console.log(`${suite}, FUZZ_SEED=${SEED}: ${rate} inputs/s`)
  console.table(figures)
}
