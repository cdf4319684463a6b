import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** Cores and their kind. */
export function describeCores(): string {
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'})`
}

/** @returns `undefined` if `redis-server` is not installed */
export function redisVersion(): string | undefined {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  return / v=(\S+)/.exec(stdout ?? '')?.[1]
}

/** The share of all cores' time, from 0 to 1, that is spent while we do nothing. */
export async function busyShare(): Promise<number> {
  const before = coreTimes()
  await sleep(300)
  const after = coreTimes()
  return 1 - (after.idle - before.idle) / (after.total - before.total)
}

function coreTimes(): { idle: number; total: number } {
  let idle = 0
  let total = 0
  for (const { times } of cpus()) {
    idle += times.idle
    for (const time of Object.values(times)) total += time
  }
  return { idle, total }
}
