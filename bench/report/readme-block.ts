import { NOTHING, ratioText } from '../columns.js'
import type { Circumstances } from '../record.js'
import type { Results } from '../results.js'
import { type SystemName, systemNames, systems } from '../systems.js'
import type { Measure, WorkloadName } from '../workloads.js'
import { markdownTable } from './markdown.js'

const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

const COLUMNS: readonly [header: string, workload: WorkloadName, measure: Measure][] = [
  ['delivered messages/s', 'match', 'rate'],
  ['in a chat', 'chat', 'rate'],
  ['CPU to send', 'match', 'senderCpu'],
  ['CPU to receive', 'match', 'receiverCpu'],
  ['p99 latency at 5,000/s', 'latency-5000', 'p99'],
]

/**
 * The README with what stands between its marks replaced by the ratios of this run.
 * @throws Error if the marks are not there
 */
export function replaceReadmeBlock(readme: string, found: Circumstances, results: Results): string {
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`README.md has no ${BEGIN} before an ${END}`)
  const block = `${BEGIN}\n${readmeBlock(found, results)}\n`
  return readme.slice(0, begin) + block + readme.slice(end)
}

function readmeBlock({ at, machine, versions }: Circumstances, results: Results): string {
  const others = systemNames.filter(
    (name) => !['memory', 'zmq', 'curve', 'bare'].includes(name) && results.has('match', name),
  )
  const ratio = (workload: WorkloadName, measure: Measure, other: SystemName) => {
    const ours = results.get(workload, 'zmq', measure)?.median
    const theirs = results.get(workload, other, measure)?.median
    return ours === undefined || theirs === undefined ? NOTHING : ratioText(ours / theirs)
  }
  const table = markdownTable(
    ['`socket.io-zeromq` against', ...COLUMNS.map(([header]) => header)],
    others.map((other) => [
      systems[other].title,
      ...COLUMNS.map(([, workload, measure]) => ratio(workload, measure, other)),
    ]),
  )
  return `How fast all this is depends on your machine. As ratios of one run, on ${machine.cores} cores with Node.js
${versions['Node.js']}, ${at.slice(0, 10)}; all figures are in [benchmarks](docs/benchmarks.md):

${table}`
}
