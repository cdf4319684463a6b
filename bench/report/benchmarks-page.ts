/**
 * docs/benchmarks.md: a text around what the comparison has found.
 */
import { columnsOf, microseconds, milliseconds, NOTHING, ratioText, whole } from '../columns.js'
import { budget, encryption, goalText, judge, sequencing, type Verdict } from '../comparison.js'
import type { Crowd, RoomsFinding } from '../many-rooms.js'
import type { RawLimit } from '../raw-limits.js'
import type { Circumstances } from '../record.js'
import type { Results } from '../results.js'
import { systemNames, systems } from '../systems.js'
import { type WorkloadName, workloadNames, workloads } from '../workloads.js'
import { describeCircumstances, GENERATED, markdownTable } from './markdown.js'

/** What the comparison leaves behind. */
export interface BenchRecord extends Circumstances {
  results: Results
  raw: RawLimit[]
  rooms: RoomsFinding[]
}

export function benchmarksPage(record: BenchRecord): string {
  const { results, raw, rooms, leftOut } = record
  const tables = (...names: WorkloadName[]) =>
    names.flatMap((name) => workloadTable(name, results)).join('\n\n')
  return `${GENERATED}

# Benchmarks

This project beside the other adapters of Socket.IO, all in one run on one machine, with the same
generator of messages and the same code that receives them. Compare figures of this page with each other
only: another machine has others. [How it is measured, and how to run it](../bench/README.md).

${describeCircumstances(record)}

_in-memory_ is Socket.IO's own adapter: one server, and nobody to tell. _bare bus_ is this project with
the numbers of frames left out, and with them journal, order and repair; _with keys_ is this project with CURVE
encryption. _redis-adapter_ is
\`createAdapter()\` and _redis, sharded_ is \`createShardedAdapter()\` of \`@socket.io/redis-adapter\`;
_redis-streams_ is \`@socket.io/redis-streams-adapter\`, and _node:cluster_ is
\`@socket.io/cluster-adapter\`.
${leftOut.length > 0 ? `\nLeft out:\n\n${leftOut.map((what) => `- ${what}`).join('\n')}\n` : ''}
## The budget

What the project has set itself, as ratios of figures of this run.

${verdictTable(judge(budget, results))}

## As fast as it goes

One node emits texts of 60 bytes as fast as the system delivers them. µs are microseconds of CPU time for
each message, of the whole process: of the node that sends, of one node that receives, and of what stands
between them (broker, Redis, or primary process). _peak MB_ is their memory in the same order, and _±_ how
far the repetition farthest from the median lies from it.

![Messages per second that each system delivers](images/benchmark-rates.svg)

![CPU time per message of each system](images/benchmark-cpu.svg)

${tables('match', 'match-4', 'no-match', 'notifications', 'chat', 'binary')}

## Latency

From \`emit()\` on one node to the socket on another, at a steady rate. Where less is delivered than the
rate, the system did not keep up, and the latency is that of a growing queue.

![Latency of each system at three rates](images/benchmark-latency.svg)

${tables('latency-1000', 'latency-5000', 'latency-20000')}

## Questions and answers

${tables('acks', 'fetch')}

## With real clients

1,000 clients of two nodes, connected over WebSocket, in processes of their own on the same machine. Below
every adapter the connections cost the same, and here they take the greater part.

${tables('web-room', 'web-users')}

## What sequencing costs

This project against the bare bus.

${verdictTable(judge(sequencing, results))}

## What encryption costs

This project as it is without keys, against the same with keys for broker and nodes
([CURVE](security.md)).

${verdictTable(judge(encryption, results))}

${roomsSection(rooms)}
## What ZeroMQ can do

zeromq.js alone: a publisher, its \`Proxy\`, and two subscribers, each in a process of its own. Frames of two
parts, a topic and a body of the size given; frames and megabytes per second are those that reach each
subscriber.

${rawTable(raw)}
`
}

function verdictTable(verdicts: readonly Verdict[]): string {
  const write = ({ measure }: Verdict, value: number) =>
    measure === 'rate'
      ? `${whole(value)}/s`
      : measure === 'p50' || measure === 'p99'
        ? `${milliseconds(value)} ms`
        : `${microseconds(value)} µs`
  return markdownTable(
    ['', 'this project', 'compared with', '', 'ratio', 'goal', ''],
    verdicts.map((verdict) => [
      verdict.label,
      write(verdict, verdict.ours),
      verdict.against.name,
      write(verdict, verdict.theirs),
      ratioText(verdict.ratio),
      verdict.goal === undefined ? '' : goalText(verdict.goal),
      [
        verdict.isMet === undefined ? '' : verdict.isMet ? 'kept' : '**missed**',
        ...verdict.fellBehind.map((name) => `${name} fell behind`),
      ].join('; '),
    ]),
  )
}

function workloadTable(name: WorkloadName, results: Results): string[] {
  const measured = systemNames.filter((system) => results.has(name, system))
  if (measured.length === 0 || !workloadNames.includes(name)) return []
  const columns = columnsOf(workloads[name])
  return [
    `### ${workloads[name].title}`,
    markdownTable(
      ['', ...columns.map(({ header }) => header)],
      measured.map((system) => [
        systems[system].title,
        ...columns.map((column) => column.show(results, name, system) ?? NOTHING),
      ]),
    ),
  ]
}

const ROOMS_HEADERS = [
  'subscriptionMode',
  'received',
  'needed',
  'needless',
  'least to most of a node',
  'frames per needed message',
  'CPU of all nodes µs',
  'broker µs',
] as const

function roomsSection(rooms: readonly RoomsFinding[]): string {
  const crowds = [...new Set(rooms.map(({ crowd }) => crowdTitle(crowd)))]
  if (crowds.length === 0) return ''
  const { rooms: count = 0, messages = 0 } = rooms.at(-1)?.crowd ?? {}
  return `## Many rooms, static and dynamic

${whole(count)} rooms, their clients placed at random, and messages from random nodes to random rooms, ${whole(messages)} in
the largest cluster. A message is needless on a node that has no client in its room. CPU times are those of
all nodes together, and of the broker, for each message sent. Up to 8 nodes each has a process of its own.

${crowds
  .map((title) => {
    const found = rooms.filter(({ crowd }) => crowdTitle(crowd) === title)
    return `### ${title}\n\n${markdownTable(ROOMS_HEADERS, roomsRows(found))}\n`
  })
  .join('\n')}
`
}

function crowdTitle({ nodes, clientsPerRoom }: Crowd): string {
  return `${nodes} nodes, ${clientsPerRoom === 1 ? 'one client in each room' : `${clientsPerRoom} clients in each room`}`
}

function roomsRows(rooms: readonly RoomsFinding[]): string[][] {
  const percent = (share: number) => `${(share * 100).toFixed(1)}%`
  return rooms.map(({ mode, received, needed, needless, framesPerNeeded, nodesCpu, brokerCpu }) => [
    mode,
    whole(received),
    whole(needed),
    percent(1 - needed / received),
    `${percent(needless.min)} to ${percent(needless.max)}`,
    framesPerNeeded.toFixed(2),
    microseconds(nodesCpu),
    brokerCpu === undefined ? NOTHING : microseconds(brokerCpu),
  ])
}

function rawTable(raw: readonly RawLimit[]): string {
  return markdownTable(
    ['body', 'frames/s', 'MB/s', 'publisher µs', 'subscriber µs', 'proxy µs'],
    raw.map((limit) => [
      `${whole(limit.bytes)} bytes`,
      whole(limit.framesPerSecond),
      whole((limit.framesPerSecond * limit.bytes) / 1e6),
      limit.publisherCpu.toFixed(2),
      limit.subscriberCpu.toFixed(2),
      limit.proxyCpu.toFixed(2),
    ]),
  )
}
