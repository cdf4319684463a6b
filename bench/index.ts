import { compare } from './compare.js'
import { measureManyRooms } from './many-rooms.js'
import { type Options, parseOptions, UsageError, usage } from './options.js'
import { endProgress, showProgress } from './progress.js'
import { measureRawLimits } from './raw-limits.js'
import { formatTables } from './table.js'

try {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) console.log(usage)
  else await main(options)
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

async function main(options: Options): Promise<void> {
  if (options.mode === 'rooms') return console.log(await measureManyRooms([]))
  const { results, leftOut } = await compare(options)
  if (options.isComplete) showProgress('raw limits of zeromq.js')
  const raw = options.isComplete ? await measureRawLimits(options.seconds, options.repetitions) : []
  endProgress()
  console.log(formatTables(results, raw, process.stdout.isTTY && !process.env.NO_COLOR))
  console.log(leftOut.join('\n'))
}
