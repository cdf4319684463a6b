import { styleText } from 'node:util'
import { type Column, columnsOf, NOTHING, ratioText, whole } from './columns.js'
import { budget, type Goal, judge, sequencing, type Verdict } from './comparison.js'
import type { RawLimit } from './raw-limits.js'
import type { Results } from './results.js'
import { systemNames, systems } from './systems.js'
import { workloadNames, workloads } from './workloads.js'

/** Characters. */
const TABLE_WIDTH = 100
const RULE = '─'.repeat(TABLE_WIDTH)
const NAME_WIDTH = 16
const LABEL_WIDTH = 46

type Style = (format: 'bold' | 'green' | 'red' | 'dim', text: string) => string

/** Writes what was found as tables, with colours if wanted. */
export function formatTables(
  results: Results,
  raw: readonly RawLimit[],
  hasColours: boolean,
): string {
  const style: Style = hasColours ? (format, text) => styleText(format, text) : (_, text) => text
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
    lines.push(RULE, style('bold', workload.title), ...grid(columns, rows, style), '')
  }
  if (raw.length > 0) lines.push(RULE, ...rawTable(raw, style), '')
  lines.push(...verdicts('The budget', judge(budget, results), style))
  lines.push(...verdicts('What sequencing costs', judge(sequencing, results), style))
  return lines.join('\n')
}

/** Columns as wide as what stands in them. */
function grid(columns: readonly Column[], rows: readonly string[][], style: Style): string[] {
  const headers = ['', ...columns.map(({ header }) => header)]
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
  const columns = ['frames/s', 'MB/s', 'publisher µs', 'subscriber µs', 'proxy µs']
  return [
    style(
      'bold',
      'zeromq.js alone: a publisher, its Proxy, and two subscribers; for each of these',
    ),
    ...grid(
      columns.map((header) => ({ header, show: () => undefined })),
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
      const { label, ratio, against, goal, isMet } = verdict
      const text = `  ${label.padEnd(LABEL_WIDTH)}${ratioText(ratio).padStart(8)} of ${against.name.padEnd(16)}`
      if (goal === undefined) return text.trimEnd()
      return text + style(isMet ? 'green' : 'red', `${goalText(goal)} ${isMet ? '✓' : '✗'}`)
    }),
    '',
  ]
}

export function goalText(goal: Goal): string {
  return 'atLeast' in goal ? `≥ ${goal.atLeast}×` : `≤ ${goal.atMost}×`
}
