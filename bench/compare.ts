/**
 * The comparison: every system under every workload, in turn, with fresh processes each time.
 */
import { Cluster } from './cluster.js'
import { busyShare, redisVersion } from './machine.js'
import { measure } from './measurement.js'
import type { Options } from './options.js'
import { showProgress } from './progress.js'
import { Results } from './results.js'
import { type System, type SystemName, systems } from './systems.js'
import {
  type SettingName,
  settingNames,
  settings,
  type Workload,
  type WorkloadName,
  workloads,
} from './workloads.js'

export interface Comparison {
  results: Results
  /** The largest share of the machine's time that others took, 0 to 1. */
  disturbance: number
  leftOut: string[]
}

export async function compare(options: Options): Promise<Comparison> {
  const comparison: Comparison = { results: new Results(), disturbance: 0, leftOut: [] }
  const names = options.systems.filter((name) => isInstalled(name, comparison.leftOut))
  for (let repetition = 1; repetition <= options.repetitions; repetition++) {
    for (const setting of settingNames) {
      for (const name of names) {
        const fitting = options.workloads.filter((workload) => fits(workload, setting, name))
        if (fitting.length === 0) continue
        const where = `repetition ${repetition} of ${options.repetitions} · ${systems[name].title}`
        showProgress(`${where} · starts`)
        comparison.disturbance = Math.max(comparison.disturbance, await busyShare())
        await runSystem(name, setting, fitting, options, comparison, where)
      }
    }
  }
  return comparison
}

function isInstalled(name: SystemName, leftOut: string[]): boolean {
  const { middle, title }: System = systems[name]
  if (middle !== 'redis-server' || redisVersion() !== undefined) return true
  leftOut.push(
    `${title}: there is no redis-server on the PATH (Debian, Ubuntu: apt install redis-server)`,
  )
  return false
}

function fits(name: WorkloadName, setting: SettingName, system: SystemName): boolean {
  const workload: Workload = workloads[name]
  const { middle, isYardstick }: System = systems[system]
  if (workload.setting !== setting) return false
  if (isYardstick) return workload.isForYardsticks ?? false
  return middle !== undefined || (workload.isForOneNode ?? false)
}

/** One system in one setting: its workloads, one after the other. */
async function runSystem(
  name: SystemName,
  setting: SettingName,
  fitting: readonly WorkloadName[],
  options: Options,
  comparison: Comparison,
  where: string,
): Promise<void> {
  const { window, burst, isLossless, title }: System = systems[name]
  const load = {
    seconds: options.seconds,
    window: options.window ?? window,
    burst: options.burst ?? burst,
  }
  let workload: WorkloadName | undefined
  let cluster: Cluster | undefined
  try {
    cluster = await Cluster.start(name, settings[setting], options)
    for (workload of fitting) {
      showProgress(`${where} · ${workload}`)
      const isFresh = workload === fitting[0]
      const found = await measure(cluster, workloads[workload], load, isFresh)
      comparison.results.add(workload, name, found)
    }
  } catch (error) {
    const { message } = error as Error
    if (isLossless)
      throw new Error(`${title}, ${workload ?? 'start'}: ${message}`, { cause: error })
    // what is not ours may fail without ending the run for all
    comparison.leftOut.push(`${title}, ${workload ?? 'start'}: ${message.trim()}`)
  } finally {
    await cluster?.stop()
  }
}
