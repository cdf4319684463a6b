/**
 * What Linux tells of a process in /proc. Elsewhere there is nothing to tell.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Written to clear_refs, it lets the peak begin anew (see proc_pid_clear_refs(5)). */
const RESET_PEAK = '5'

/** Microseconds of CPU time that the threads of a process have spent. */
export function cpuTime(pid: number): number | undefined {
  let threads: string[]
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return undefined
  }
  let nanoseconds = 0
  for (const thread of threads) {
    // time on a core, time waiting for one, turns
    nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0] ?? 0)
  }
  return nanoseconds / 1e3
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
