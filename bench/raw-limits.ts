/**
 * What zeromq.js can do at most, with nothing of Socket.IO or of this project.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Process } from './processes.js'
import type { RawApi, RawOptions } from './programs/raw.js'
import { mean, median } from './statistics.js'

const BODY_BYTES = [100, 4_096, 65_536] as const
const SUBSCRIBERS = 2
const WARM_UP_MS = 500

/** One publisher, the proxy, and two subscribers. */
export interface RawLimit {
  /** Bytes of a frame's body; its topic has five more. */
  bytes: number
  /** Frames per second that reach each subscriber. */
  framesPerSecond: number
  /** CPU microseconds per frame. */
  publisherCpu: number
  subscriberCpu: number
  proxyCpu: number
}

/** @returns the medians of the repetitions */
export async function measureRawLimits(seconds: number, repetitions: number): Promise<RawLimit[]> {
  const runs: RawLimit[][] = []
  for (let i = 0; i < repetitions; i++) runs.push(await run(seconds))
  return BODY_BYTES.map((bytes, i) => {
    const of = (key: keyof RawLimit) => median(runs.map((limits) => (limits[i] as RawLimit)[key]))
    return {
      bytes,
      framesPerSecond: of('framesPerSecond'),
      publisherCpu: of('publisherCpu'),
      subscriberCpu: of('subscriberCpu'),
      proxyCpu: of('proxyCpu'),
    }
  })
}

async function run(seconds: number): Promise<RawLimit[]> {
  const started: Process<RawApi>[] = []
  const start = async (options: RawOptions) => {
    const process = await Process.start<RawApi>('raw', [options])
    started.unshift(process)
    return process
  }
  try {
    const proxy = await start({ role: 'proxy' })
    const { pub, sub } = await proxy.call('endpoints')
    const subscribers: Process<RawApi>[] = []
    for (let i = 0; i < SUBSCRIBERS; i++) {
      subscribers.push(await start({ role: 'subscriber', endpoint: sub }))
    }
    const publisher = await start({ role: 'publisher', endpoint: pub })
    const limits: RawLimit[] = []
    for (const bytes of BODY_BYTES) {
      const all = [publisher, proxy, ...subscribers]
      for (const process of [...subscribers, proxy, publisher]) await process.call('begin', bytes)
      await sleep(WARM_UP_MS)
      const before = await Promise.all(all.map((process) => process.call('sample')))
      await sleep(seconds * 1e3)
      const after = await Promise.all(all.map((process) => process.call('sample')))
      const [out, middle, ...ins] = after.map((sample, i) => {
        const first = before[i] as typeof sample
        return {
          frames: sample.frames - first.frames,
          cpu: sample.cpu - first.cpu,
          time: sample.time - first.time,
        }
      }) as [Delta, Delta, ...Delta[]]
      limits.push({
        bytes,
        framesPerSecond: mean(ins.map(({ frames, time }) => (frames / time) * 1e3)),
        publisherCpu: out.cpu / out.frames,
        subscriberCpu: mean(ins.map(({ cpu, frames }) => cpu / frames)),
        proxyCpu: middle.cpu / mean(ins.map(({ frames }) => frames)),
      })
    }
    return limits
  } finally {
    for (const process of started) await process.stop()
  }
}

interface Delta {
  frames: number
  cpu: number
  time: number
}
