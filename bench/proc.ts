/**
 * What Linux tells of a process in /proc. Elsewhere there is nothing to tell.
 */
import { readFileSync, writeFileSync } from 'node:fs'

/** CPU time is counted in ticks of 10 ms (USER_HZ, see proc_pid_stat(5)). */
const MICROSECONDS_PER_TICK = 10_000
/** Written to clear_refs, it lets the peak begin anew (see proc_pid_clear_refs(5)). */
const RESET_PEAK = '5'

/** Microseconds of CPU time that a process has spent. */
export function cpuTime(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // the name, in parentheses, may hold spaces; behind it come the fields from the third on
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_TICK
}

/** Lets the peak of a process's memory begin at what it has now. */
export function resetPeakMemory(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK)
  } catch {
    // the peak is then that since the process began
  }
}

/** Megabytes that a process had in memory at most. */
export function peakMemory(pid: number): number | undefined {
  return megabytes(pid, 'VmHWM')
}

/** Megabytes that a process has in memory. */
export function memory(pid: number): number | undefined {
  return megabytes(pid, 'VmRSS')
}

function megabytes(pid: number, field: string): number | undefined {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    read(`/proc/${pid}/status`) ?? '',
  )?.[1]
  return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024) / 1e6
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return undefined
  }
}
