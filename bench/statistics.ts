export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : mean([sorted[middle - 1] as number, sorted[middle] as number])
}

/** The value that so many percent of the values do not exceed. */
export function percentile(sorted: Float64Array, percent: number): number {
  const rank = Math.ceil((percent / 100) * sorted.length)
  return sorted[Math.max(0, rank - 1)] ?? Number.NaN
}

/**
 * The line `y = offset + slope * x` that lies nearest to the points, by least squares: for costs, of
 * which one part is fixed, and so with an offset of 0 where the nearest line would begin below it.
 */
export function costLine(points: readonly (readonly [x: number, y: number])[]) {
  const meanX = mean(points.map(([x]) => x))
  const meanY = mean(points.map(([, y]) => y))
  const slope =
    sumOf(points, ([x, y]) => (x - meanX) * (y - meanY)) / sumOf(points, ([x]) => (x - meanX) ** 2)
  const offset = meanY - slope * meanX
  if (offset >= 0) return { slope, offset }
  return { slope: sumOf(points, ([x, y]) => x * y) / sumOf(points, ([x]) => x * x), offset: 0 }
}

function sumOf<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0)
}
