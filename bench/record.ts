/**
 * What a run leaves behind: what was found, where, with which versions.
 */
import { describeMachine, type Machine, packageVersion, redisVersion } from './machine.js'
import type { Options } from './options.js'

export interface Circumstances {
  /** When the run ended, by ISO 8601. */
  at: string
  machine: Machine
  versions: Record<string, string>
  settings: { seconds: number; repetitions: number }
  /** The largest share of the machine's time that others took before a measurement, 0 to 1. */
  disturbance: number
  /** What was not measured, and why. */
  leftOut: string[]
}

const OUR_PACKAGES = ['socket.io-zeromq', 'socket.io', 'socket.io-adapter', 'zeromq'] as const
const OTHER_PACKAGES = [
  '@socket.io/redis-adapter',
  '@socket.io/redis-streams-adapter',
  '@socket.io/cluster-adapter',
  'redis',
] as const

export function circumstances(
  { mode, seconds, repetitions }: Options,
  disturbance: number,
  leftOut: string[],
): Circumstances {
  const isComparison = mode === 'comparison'
  const packages = [...OUR_PACKAGES, ...(isComparison ? OTHER_PACKAGES : [])]
  const redis = isComparison ? redisVersion() : undefined
  return {
    at: new Date().toISOString(),
    machine: describeMachine(),
    versions: {
      'Node.js': process.versions.node,
      ...(redis && { Redis: redis }),
      ...Object.fromEntries(packages.map((name) => [name, packageVersion(name)])),
    },
    settings: { seconds, repetitions },
    disturbance,
    leftOut,
  }
}
