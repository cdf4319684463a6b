import { parseArgs } from 'node:util'
import { type SystemName, systemNames } from './systems.js'
import { type WorkloadName, workloadNames } from './workloads.js'

export interface Options {
  /** How long each measurement takes. */
  seconds: number
  repetitions: number
  systems: SystemName[]
  workloads: WorkloadName[]
  /** In place of each system's own. */
  burst: number | undefined
  /** In place of each system's own. */
  window: number | undefined
  /** Where the results are written as JSON too. */
  jsonFile: string | undefined
  /** Where each node writes a CPU profile. */
  profileFolder: string | undefined
}

export const usage = `Usage: npm run bench -- [options]

  --seconds <n>      length of each measurement (default: 2)
  --repetitions <n>  how often everything is measured, in turn (default: 3)
  --only <names>     only these, with commas between them:
                     systems ${systemNames.join(', ')}
                     workloads ${workloadNames.join(', ')}
  --burst <n>        messages in one turn of the sender's event loop, at most
  --window <n>       messages on their way at once, at most
                     (default for both: what suits each system best)
  --json <file>      write the results there, every repetition of them
  --profile <folder> write a CPU profile of every process there
  --help             print this`

/** A flag that is not known, or has a value that it may not have. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/**
 * @returns `undefined` if help is wanted
 * @throws UsageError
 */
export function parseOptions(args: string[]): Options | undefined {
  const values = parse(args)
  if (values.help) return undefined
  const only = values.only?.split(',').map((name) => name.trim()) ?? []
  for (const name of only) {
    if (![...systemNames, ...workloadNames].some((known) => known === name)) {
      throw new UsageError(`--only does not know ${name}`)
    }
  }
  return {
    seconds: positive('seconds', values.seconds) ?? 2,
    repetitions: whole('repetitions', values.repetitions) ?? 3,
    systems: chosen(systemNames, only),
    workloads: chosen(workloadNames, only),
    burst: whole('burst', values.burst),
    window: whole('window', values.window),
    jsonFile: values.json,
    profileFolder: values.profile,
  }
}

function parse(args: string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args,
      options: {
        seconds: text,
        repetitions: text,
        only: text,
        burst: text,
        window: text,
        json: text,
        profile: text,
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** Those that are named, or all if none is. */
function chosen<Name extends string>(all: readonly Name[], only: readonly string[]): Name[] {
  const some = all.filter((name) => only.includes(name))
  return some.length > 0 ? some : [...all]
}

function whole(name: string, text: string | undefined): number | undefined {
  const value = positive(name, text)
  if (value === undefined || Number.isInteger(value)) return value
  throw new UsageError(`--${name} must be a whole number, and not ${text}`)
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new UsageError(`--${name} must be a number greater than 0, and not ${text}`)
}
