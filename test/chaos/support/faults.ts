import type { ClientReport } from './clients.js'

/** How many messages each sender has said, by its name. */
export type Counts = Readonly<Record<string, number>>

/**
 * What is wrong with what a client has got, in words.
 * @param said - what the senders have said that are still there; others may have been cut short
 * @param since - what they had said when the client came
 */
export function faultsOf(report: ClientReport, said: Counts, since: Counts): string[] {
  const faults: string[] = []
  const complain = (what: string) => faults.push(`${report.name} ${what}`)
  if (report.disconnected !== undefined) complain(`was disconnected: ${report.disconnected}`)
  for (const sender of new Set([...Object.keys(said), ...Object.keys(report.streams)])) {
    const stream = report.streams[sender]
    const start = (since[sender] ?? 0) + 1
    const end = said[sender] ?? stream?.last ?? 0
    if (stream === undefined) {
      if (end >= start) complain(`lost all ${end - start + 1} of ${sender}`)
      continue
    }
    const { first, last, holes, twice, late } = stream
    const lost = [[start, first - 1], ...holes, [last + 1, end]] as const
    for (const [from, to] of lost) {
      if (from <= to) complain(`lost ${to - from + 1} of ${sender}: ${from} to ${to}`)
    }
    if (twice > 0) complain(`got ${twice} of ${sender} twice`)
    if (late > 0) complain(`got ${late} of ${sender} behind later ones`)
  }
  return faults
}
