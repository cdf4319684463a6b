/**
 * Pieces of Markdown that both pages are made of.
 */
import type { Circumstances } from '../record.js'

/** From this share of the machine's time on, what others do on it is worth a word. */
const DISTURBED = 0.15

/** A table whose first column is text and whose others are numbers. */
export function markdownTable(headers: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const alignment = headers.map((_, i) => (i === 0 ? '---' : '---:'))
  return [line(headers), line(alignment), ...rows.map(line)].join('\n')
}

/** When, where and with what it was measured. */
export function describeCircumstances(found: Circumstances): string {
  const { at, machine, versions, settings, disturbance } = found
  const sentences = [
    `Measured on ${at.slice(0, 10)}, on ${machine.cores} cores (${machine.processor}) with ` +
      `${machine.memoryGb} GB of memory and ${machine.system}; each figure is the median of ` +
      `${settings.repetitions} × ${settings.seconds} s.`,
  ]
  if (disturbance > DISTURBED) {
    sentences.push(
      `Other processes kept the machine up to ${Math.round(disturbance * 100)}% busy meanwhile.`,
    )
  }
  return `${sentences.join(' ')}\n\n${markdownTable(['', 'version'], Object.entries(versions))}`
}

/** What every page of figures begins with. */
export const GENERATED =
  '<!-- Written by `npm run bench -- --report`: change bench/report, and not this page. -->'
