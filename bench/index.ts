import { compare } from './compare.js'
import { describeMachine, type Machine, redisVersion } from './machine.js'
import { measureManyRooms } from './many-rooms.js'
import { type Options, parseOptions, UsageError, usage } from './options.js'
import { endProgress, showProgress } from './progress.js'
import { measureRawLimits } from './raw-limits.js'
import { circumstances } from './record.js'
import type { BenchRecord } from './report/benchmarks-page.js'
import type { ScaleRecord } from './report/scaling-page.js'
import {
  RESULTS_FILE,
  readBenchRecord,
  readScaleRecord,
  SCALE_FILE,
  writeBenchmarks,
  writeRecord,
  writeScaling,
} from './report/write.js'
import { measureScale } from './scale.js'
import { formatRooms, formatScale, formatTables } from './table.js'

/** From this share of the machine's time on, what others do on it is worth a word. */
const DISTURBED = 0.15

try {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) console.log(usage)
  else if (options.fromFile !== undefined) reportFrom(options.fromFile, options)
  else await run(options)
} catch (error) {
  endProgress()
  if (error instanceof UsageError) {
    console.error(`bench: ${error.message}\n\n${usage}`)
    process.exitCode = 2
  } else {
    console.error('bench:', error)
    process.exitCode = 1
  }
}
// whatever still runs is killed now
process.exit()

async function run(options: Options): Promise<void> {
  describe(options, describeMachine())
  switch (options.mode) {
    case 'comparison':
      return runComparison(options)
    case 'rooms':
      return runRooms(options)
    case 'scale':
      return runScale(options)
  }
}

async function runComparison(options: Options): Promise<void> {
  const { isComplete, seconds, repetitions, hasReport } = options
  const { results, disturbance, leftOut } = await compare(options)
  if (isComplete) showProgress('what zeromq.js can do by itself')
  const raw = isComplete ? await measureRawLimits(seconds, repetitions) : []
  const rooms = isComplete ? await measureManyRooms() : []
  endProgress()
  const record: BenchRecord = {
    ...circumstances(options, disturbance, leftOut),
    results,
    raw,
    rooms,
  }
  console.log(formatTables(results, raw, hasColours()))
  if (rooms.length > 0) console.log(`${formatRooms(rooms, hasColours())}\n`)
  sayWhatDisturbed(disturbance, leftOut)
  save(options, record, RESULTS_FILE)
  if (hasReport) say(writeBenchmarks(record))
}

async function runRooms(options: Options): Promise<void> {
  const rooms = await measureManyRooms()
  endProgress()
  console.log(formatRooms(rooms, hasColours()))
  save(options, { ...circumstances(options, 0, []), rooms }, undefined)
}

async function runScale(options: Options): Promise<void> {
  const { seconds, repetitions, hasReport } = options
  const { steps, disturbance } = await measureScale(seconds, repetitions)
  endProgress()
  const record: ScaleRecord = { ...circumstances(options, disturbance, []), steps }
  console.log(formatScale(steps, hasColours()))
  sayWhatDisturbed(disturbance, [])
  save(options, record, SCALE_FILE)
  if (hasReport) say(writeScaling(record))
}

function reportFrom(file: string, { mode }: Options): void {
  say(
    mode === 'scale' ? writeScaling(readScaleRecord(file)) : writeBenchmarks(readBenchRecord(file)),
  )
}

function describe({ repetitions, seconds }: Options, { cores, processor }: Machine): void {
  const redis = redisVersion()
  const parts = [
    `Node ${process.versions.node}`,
    ...(redis === undefined ? [] : [`Redis ${redis}`]),
    `${cores} cores (${processor})`,
    `medians of ${repetitions} × ${seconds} s`,
  ]
  console.log(`${parts.join(' · ')}\n`)
}

/** Only what is complete may take the place of what was found before. */
function save({ isComplete, jsonFile }: Options, record: object, usual: string | undefined): void {
  const file = jsonFile ?? (isComplete ? usual : undefined)
  if (file === undefined) return
  writeRecord(file, record)
  console.log(`Results are in ${file}`)
}

function say(files: readonly string[]): void {
  console.log(`Written: ${files.join(', ')}`)
}

function sayWhatDisturbed(disturbance: number, leftOut: readonly string[]): void {
  console.log('±: the repetition farthest from the median. How to read it: bench/README.md')
  if (disturbance > DISTURBED) {
    const percent = Math.round(disturbance * 100)
    console.log(
      `Other processes kept the machine up to ${percent}% busy: run it again when it rests.`,
    )
  }
  for (const what of leftOut) console.log(`Left out: ${what}`)
}

function hasColours(): boolean {
  return process.stdout.isTTY && !process.env.NO_COLOR
}
