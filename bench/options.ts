import { parseArgs } from 'node:util'
import { type SystemName, systemNames } from './systems.js'
import { budgetWorkloads, type WorkloadName, workloadNames } from './workloads.js'

/** What is run. */
type Mode = 'comparison' | 'rooms' | 'scale'

export interface Options {
  mode: Mode
  /** How long each measurement takes. */
  seconds: number
  repetitions: number
  systems: SystemName[]
  workloads: WorkloadName[]
  /** Whether everything is measured that there is. */
  isComplete: boolean
  /** In place of each system's own. */
  burst: number | undefined
  /** In place of each system's own. */
  window: number | undefined
  /** Where the results are written as JSON, in place of the usual file. */
  jsonFile: string | undefined
  /** Whether the documents are written. */
  hasReport: boolean
  /** Results to write the documents from, in place of a run. */
  fromFile: string | undefined
  /** Where each node writes a CPU profile. */
  profileFolder: string | undefined
}

/** The systems that the budget is about. */
const BUDGET_SYSTEMS: readonly SystemName[] = ['memory', 'zmq', 'curve', 'bare', 'redis']
const DEFAULTS = { full: { seconds: 0.8, repetitions: 3 }, quick: { seconds: 1, repetitions: 3 } }

export const usage = `Usage: npm run bench -- [options]

What to run (default: everything, about 13 minutes):
  --quick            only what the budget is about, in a minute or two
  --only <names>     only these, with commas between them:
                     systems ${systemNames.join(', ')}
                     workloads ${lines(workloadNames, 21)}
  --rooms            only this: 1,000 rooms on 2 to 100 nodes, and who hears what without need
  --scale            only this: from 2 nodes to 64

How:
  --seconds <n>      length of each measurement (default: ${DEFAULTS.full.seconds}, with --quick ${DEFAULTS.quick.seconds})
  --repetitions <n>  how often everything is measured, in turn (default: ${DEFAULTS.full.repetitions})
  --burst <n>        messages in one turn of the sender's event loop, at most
  --window <n>       messages on their way at once, at most
                     (default for both: what suits each system best)

What to write:
  --report           docs/benchmarks.md and README.md, or with --scale docs/scaling.md,
                     and their charts
  --from <file>      with --report: from the results in this file, without a run
  --json <file>      write the results there, and not to bench/results.json or bench/scale.json
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
  const { quick: isQuick = false, rooms = false, scale = false, report = false } = values
  if (rooms && scale) throw new UsageError('--rooms and --scale are two runs')
  if ((rooms || scale) && (isQuick || only.length > 0)) {
    throw new UsageError('--quick and --only choose among the comparison')
  }
  const isComplete = !isQuick && only.length === 0 && !rooms
  if (report && !isComplete) {
    throw new UsageError('--report needs everything: leave out --quick, --only and --rooms')
  }
  if (values.from !== undefined && !report) throw new UsageError('--from goes with --report')
  const defaults = isQuick ? DEFAULTS.quick : DEFAULTS.full
  return {
    mode: rooms ? 'rooms' : scale ? 'scale' : 'comparison',
    seconds: positive('seconds', values.seconds) ?? defaults.seconds,
    repetitions: whole('repetitions', values.repetitions) ?? defaults.repetitions,
    systems: chosen(isQuick ? BUDGET_SYSTEMS : systemNames, only),
    workloads: chosen(isQuick ? budgetWorkloads : workloadNames, only),
    isComplete,
    burst: whole('burst', values.burst),
    window: whole('window', values.window),
    jsonFile: values.json,
    hasReport: report,
    fromFile: values.from,
    profileFolder: values.profile,
  }
}

function parse(args: string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args,
      options: {
        quick: flag,
        rooms: flag,
        scale: flag,
        report: flag,
        from: text,
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

/** Names with commas between them, in lines that begin so far to the right. */
function lines(names: readonly string[], indent: number): string {
  const half = Math.ceil(names.length / 2)
  return [names.slice(0, half), names.slice(half)]
    .map((some) => some.join(', '))
    .join(`,\n${' '.repeat(indent)}`)
}
