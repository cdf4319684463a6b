import { styleText } from 'node:util'
import { type Goal, type Line, sections } from './comparison.js'
import type { Results, Summary } from './results.js'
import { type SystemName, systemNames, systems } from './systems.js'

/** Characters; the sum is the width of the table. */
const widths = { label: 36, system: 14, ratio: 7, name: 7, goal: 8 }
const TABLE_WIDTH = 100
const RULE = '─'.repeat(TABLE_WIDTH)

const NOTHING = '–'

/** Writes what was found as a table, with colours if wanted. */
export function formatTable(results: Results, hasColours: boolean): string {
  const style: Style = hasColours ? (format, text) => styleText(format, text) : (_, text) => text
  const lines = [style('bold', header()), RULE]
  for (const { title, lines: all } of sections) {
    const measured = all.filter((line) =>
      systemNames.some((system) => results.get(line.workload, system, line.measure)),
    )
    if (measured.length === 0) continue
    lines.push(style('bold', title))
    for (const line of measured) lines.push(format(line, results, style))
    lines.push(RULE)
  }
  return lines.join('\n')
}

type Style = (format: 'bold' | 'green' | 'red' | 'dim', text: string) => string

function header(): string {
  return [
    ''.padEnd(widths.label),
    ...systemNames.map((name) => systems[name].title.padStart(widths.system)),
    'ratio'.padStart(widths.ratio + widths.name),
    'goal'.padStart(widths.goal),
  ].join('')
}

function format(line: Line, results: Results, style: Style): string {
  const figure = (system: SystemName) =>
    show(results.get(line.workload, system, line.measure), line).padStart(widths.system)
  return [
    `  ${line.label}`.padEnd(widths.label),
    ...systemNames.map(figure),
    comparison(line, results, style),
  ].join('')
}

/** The median, and how far the repetitions lie from it at most. */
function show(summary: Summary | undefined, { unit }: Line): string {
  if (summary === undefined) return NOTHING
  const { median, min, max } = summary
  const spread = Math.max(max - median, median - min) / median
  return `${number(median, unit)} ±${`${Math.round(spread * 100)}%`.padEnd(4)}`
}

function number(value: number, unit: Line['unit']): string {
  if (unit === 'messages per second') return Math.round(value).toLocaleString('en')
  return (unit === 'milliseconds' ? value / 1e3 : value).toFixed(2)
}

function comparison(line: Line, results: Results, style: Style): string {
  const { against, goal } = line
  if (against === undefined) return ''
  const ours = results.get(line.workload, 'zmq', line.measure)
  const theirs = results.get(
    against.workload ?? line.workload,
    against.system,
    against.measure ?? line.measure,
  )
  if (ours === undefined || theirs === undefined) return NOTHING.padStart(widths.ratio)
  const ratio = ours.median / theirs.median
  const shown = `${ratio.toFixed(ratio < 10 ? 2 : 1)}×`.padStart(widths.ratio)
  const text = shown + ` ${against.name}`.padEnd(widths.name)
  if (goal === undefined) return text.trimEnd()
  const colour = isMet(goal, ratio) ? 'green' : 'red'
  return text + style(colour, goalText(goal, ratio).padStart(widths.goal))
}

function goalText(goal: Goal, ratio: number): string {
  const mark = isMet(goal, ratio) ? '✓' : '✗'
  return 'atLeast' in goal ? `≥ ${goal.atLeast} ${mark}` : `≤ ${goal.atMost} ${mark}`
}

function isMet(goal: Goal, ratio: number): boolean {
  return 'atLeast' in goal ? ratio >= goal.atLeast : ratio <= goal.atMost
}
