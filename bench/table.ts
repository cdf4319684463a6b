import { styleText } from 'node:util'
import { columnsOf, microseconds, NOTHING, ratioText, whole } from './columns.js'
import { budget, encryption, goalText, judge, sequencing, type Verdict } from './comparison.js'
import type { RoomsFinding } from './many-rooms.js'
import type { RawLimit } from './raw-limits.js'
import type { Results } from './results.js'
import type { ScaleStep } from './scale.js'
import { systemNames, systems } from './systems.js'
import { workloadNames, workloads } from './workloads.js'

/** Characters. */
const TABLE_WIDTH = 100
const RULE = '─'.repeat(TABLE_WIDTH)
const NAME_WIDTH = 15
const LABEL_WIDTH = 42

type Style = (format: 'bold' | 'green' | 'red' | 'dim', text: string) => string

/** Writes what was found as tables, with colours if wanted. */
export function formatTables(
  results: Results,
  raw: readonly RawLimit[],
  hasColours: boolean,
): string {
  const style = styleOf(hasColours)
  const lines: string[] = []
  for (const name of workloadNames) {
    const measured = systemNames.filter((system) => results.has(name, system))
    if (measured.length === 0) continue
    const workload = workloads[name]
    const columns = columnsOf(workload)
    const rows = measured.map((system) => [
      systems[system].title,
      ...columns.map((column) => column.show(results, name, system) ?? NOTHING),
    ])
    lines.push(
      RULE,
      style('bold', workload.title),
      ...grid(['', ...columns.map(({ header }) => header)], rows, style),
      '',
    )
  }
  if (raw.length > 0) lines.push(RULE, ...rawTable(raw, style), '')
  lines.push(...verdicts('The budget', judge(budget, results), style))
  lines.push(...verdicts('What sequencing costs', judge(sequencing, results), style))
  lines.push(...verdicts('What encryption costs', judge(encryption, results), style))
  return lines.join('\n')
}

/** Columns as wide as what stands in them. */
function grid(headers: readonly string[], rows: readonly string[][], style: Style): string[] {
  const widths = headers.map((header, i) =>
    Math.max(i === 0 ? NAME_WIDTH : header.length, ...rows.map((row) => (row[i] as string).length)),
  )
  const write = (cells: readonly string[]) =>
    cells
      .map((cell, i) =>
        i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart((widths[i] as number) + 2),
      )
      .join('')
  return [style('dim', write(headers)), ...rows.map(write)]
}

function rawTable(raw: readonly RawLimit[], style: Style): string[] {
  const headers = ['', 'frames/s', 'MB/s', 'publisher µs', 'subscriber µs', 'proxy µs']
  return [
    style(
      'bold',
      'zeromq.js alone: a publisher, its Proxy, and two subscribers; for each of these',
    ),
    ...grid(
      headers,
      raw.map((limit) => [
        `${limit.bytes.toLocaleString('en')} bytes`,
        whole(limit.framesPerSecond),
        whole((limit.framesPerSecond * limit.bytes) / 1e6),
        limit.publisherCpu.toFixed(2),
        limit.subscriberCpu.toFixed(2),
        limit.proxyCpu.toFixed(2),
      ]),
      style,
    ),
  ]
}

function verdicts(title: string, all: readonly Verdict[], style: Style): string[] {
  if (all.length === 0) return []
  return [
    RULE,
    style('bold', title),
    ...all.map((verdict) => {
      const { label, ratio, against, goal, isMet, fellBehind } = verdict
      const remark = fellBehind.length > 0 ? ` (${fellBehind.join(', ')} behind)` : ''
      const text = `  ${label.padEnd(LABEL_WIDTH)}${ratioText(ratio).padStart(7)} of ${against.name.padEnd(14)}`
      if (goal === undefined) return text.trimEnd()
      return (
        text + style(isMet ? 'green' : 'red', `${goalText(goal)} ${isMet ? '✓' : '✗'}`) + remark
      )
    }),
    '',
  ]
}

/** Writes what both modes have shown in clusters of many rooms. */
export function formatRooms(rooms: readonly RoomsFinding[], hasColours: boolean): string {
  const style = styleOf(hasColours)
  const headers = [
    '',
    '',
    'received',
    'needed',
    'needless',
    'frames/needed',
    'nodes µs',
    'broker µs',
  ]
  const rows = rooms.map((found) => [
    `${found.crowd.nodes} nodes, rooms of ${found.crowd.clientsPerRoom}`,
    found.mode,
    whole(found.received),
    whole(found.needed),
    `${((1 - found.needed / found.received) * 100).toFixed(1)}%`,
    found.framesPerNeeded.toFixed(2),
    microseconds(found.nodesCpu),
    found.brokerCpu === undefined ? NOTHING : microseconds(found.brokerCpu),
  ])
  const title = `${whole(rooms[0]?.crowd.rooms ?? 0)} rooms: what nodes receive, and what a message costs`
  return [RULE, style('bold', title), ...grid(headers, rows, style)].join('\n')
}

/** Writes what the clusters of growing size have shown. */
export function formatScale(steps: readonly ScaleStep[], hasColours: boolean): string {
  const style = styleOf(hasColours)
  const headers = ['nodes', 'messages/s', 'sender µs', 'receiver µs', 'frames/s out', 'MB/s out']
  const loads = (
    [
      ['bursts of 100 messages', 'full'],
      ['bursts of 5 messages', 'small'],
      ['bursts of 100 messages, for nobody', 'unmatched'],
    ] as const
  ).flatMap(([title, name]) => {
    const rows = steps.map(({ nodes, loads: { [name]: load } }) => [
      `${nodes}`,
      whole(load.rate),
      microseconds(load.senderCpu),
      microseconds(load.receiverCpu),
      whole(load.brokerFramesOut),
      whole(load.brokerMegabytesOut),
      load.brokerCpu === undefined ? NOTHING : microseconds(load.brokerCpu),
    ])
    return [RULE, style('bold', title), ...grid([...headers, 'broker µs/frame'], rows, style), '']
  })
  const joining = steps.map((step) => [
    `${step.nodes}`,
    whole(step.subscriptions),
    whole(step.stormMs),
    step.newcomerReadyMs.toFixed(1),
    step.newcomerCompleteMs.toFixed(1),
  ])
  const joiningHeaders = ['nodes', 'topics', 'all at once ms', 'one: ready ms', 'one: sees all ms']
  return [
    ...loads,
    RULE,
    style('bold', 'Joining'),
    ...grid(joiningHeaders, joining, style),
    '',
  ].join('\n')
}

function styleOf(hasColours: boolean): Style {
  return hasColours ? (format, text) => styleText(format, text) : (_, text) => text
}
