/**
 * Writes the pages and their charts into the project's documents.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Results, type ResultsJson } from '../results.js'
import { benchmarkCharts } from './benchmark-charts.js'
import { type BenchRecord, benchmarksPage } from './benchmarks-page.js'
import { replaceReadmeBlock } from './readme-block.js'
import { type ScaleRecord, scalingCharts, scalingPage } from './scaling-page.js'

/** The project's folder, seen from where the compiled file stands. */
const ROOT = new URL('../../../', import.meta.url)

/** Where results are kept unless `--json` says otherwise. */
export const RESULTS_FILE = fileURLToPath(new URL('bench/results.json', ROOT))
export const SCALE_FILE = fileURLToPath(new URL('bench/scale.json', ROOT))

/** @returns the files written, as paths in the project */
export function writeBenchmarks(record: BenchRecord): string[] {
  const readme = replaceReadmeBlock(
    readFileSync(new URL('README.md', ROOT), 'utf8'),
    record,
    record.results,
  )
  return writeAll({
    'docs/benchmarks.md': benchmarksPage(record),
    'README.md': readme,
    ...images(benchmarkCharts(record.results)),
  })
}

/** @returns the files written, as paths in the project */
export function writeScaling(record: ScaleRecord): string[] {
  return writeAll({
    'docs/scaling.md': scalingPage(record),
    ...images(scalingCharts(record.steps)),
  })
}

export function writeRecord(file: string, record: object): void {
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`)
}

export function readBenchRecord(file: string): BenchRecord {
  const record = JSON.parse(readFileSync(file, 'utf8'))
  return { ...record, results: Results.from(record.results as ResultsJson) }
}

export function readScaleRecord(file: string): ScaleRecord {
  return JSON.parse(readFileSync(file, 'utf8'))
}

function images(charts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(charts).map(([name, svg]) => [`docs/images/${name}`, svg]),
  )
}

function writeAll(files: Record<string, string>): string[] {
  for (const [path, text] of Object.entries(files)) writeFileSync(new URL(path, ROOT), text)
  return Object.keys(files)
}
