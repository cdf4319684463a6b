import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What the figures depend on besides the code. */
export interface Machine {
  cores: number
  processor: string
  memoryGb: number
  system: string
}

export function describeMachine(): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() || 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
  }
}

/** @returns `undefined` if `redis-server` is not installed */
export function redisVersion(): string | undefined {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  return / v=(\S+)/.exec(stdout ?? '')?.[1]
}

/** The version of an installed npm package. */
export function packageVersion(name: string): string {
  const require = createRequire(import.meta.url)
  let folder = dirname(require.resolve(name))
  for (;;) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      if (found.name === name) return found.version
    } catch {
      // further up
    }
    const parent = dirname(folder)
    if (parent === folder) return 'unknown'
    folder = parent
  }
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
