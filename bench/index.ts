import { writeFileSync } from 'node:fs'
import { Cluster } from './cluster.js'
import { busyShare, describeCores, redisVersion } from './machine.js'
import { type Options, parseOptions, UsageError, usage } from './options.js'
import { showProgress } from './progress.js'
import { Results } from './results.js'
import { type System, type SystemName, systems } from './systems.js'
import { formatTable } from './table.js'
import { type Workload, workloads } from './workloads.js'

/** Nodes that receive what one sends. */
const RECEIVERS = 2
/** From this share of the machine's time on, what others do on it is worth a word. */
const DISTURBED = 0.15

try {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) console.log(usage)
  else await main(options)
} catch (error) {
  showProgress('')
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
  const redis = redisVersion()
  describe(options, redis)
  const names = options.systems.filter((name) => name !== 'redis' || redis !== undefined)
  const results = new Results()
  let disturbance = 0
  for (let repetition = 1; repetition <= options.repetitions; repetition++) {
    for (const name of names) {
      showProgress(`repetition ${repetition} of ${options.repetitions}: ${systems[name].title}`)
      disturbance = Math.max(disturbance, await busyShare())
      await measure(name, options, results)
    }
  }
  showProgress('')
  console.log(formatTable(results, process.stdout.isTTY && !process.env.NO_COLOR))
  console.log('±: the repetition farthest from the median. How to read it: bench/README.md')
  if (disturbance > DISTURBED) {
    const percent = Math.round(disturbance * 100)
    console.log(
      `Other processes kept the machine up to ${percent}% busy: run it again when it rests.`,
    )
  }
  if (names.length < options.systems.length) {
    console.log('Left out: @socket.io/redis-adapter, since there is no redis-server on the PATH')
    console.log('(Debian, Ubuntu: apt install redis-server).')
  }
  const { jsonFile } = options
  if (jsonFile !== undefined) write(jsonFile, options, { redis, disturbance, results })
}

function describe({ repetitions, seconds }: Options, redis: string | undefined): void {
  const versions = [
    `Node ${process.versions.node}`,
    ...(redis === undefined ? [] : [`Redis ${redis}`]),
  ]
  const runs = `medians of ${repetitions} × ${seconds} s`
  console.log([...versions, describeCores(), runs].join(' · '))
  console.log(`One node sends to ${RECEIVERS}, a text of 60 bytes to one room.\n`)
}

/** One repetition of a system: its workloads, one after the other, with fresh processes. */
async function measure(name: SystemName, options: Options, results: Results): Promise<void> {
  const system: System = systems[name]
  const fitting = options.workloads.filter((workload) => {
    const { isForOneNode }: Workload = workloads[workload]
    return system.middle !== undefined || isForOneNode
  })
  if (fitting.length === 0) return
  const { seconds, window = system.window, burst = system.burst } = options
  const load = { seconds, window, burst }
  const cluster = await Cluster.start(system, RECEIVERS, options)
  try {
    for (const workload of fitting) {
      results.add(workload, name, await workloads[workload].run(cluster, load))
    }
  } catch (error) {
    throw new Error(`${system.title}: ${(error as Error).message}`, { cause: error })
  } finally {
    await cluster.stop()
  }
}

function write(file: string, options: Options, found: object): void {
  const { seconds, repetitions, burst, window } = options
  const json = {
    at: new Date().toISOString(),
    node: process.versions.node,
    cores: describeCores(),
    settings: { seconds, repetitions, receivers: RECEIVERS, burst, window },
    ...found,
  }
  writeFileSync(file, `${JSON.stringify(json, null, 2)}\n`)
}
