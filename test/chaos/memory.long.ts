import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { count, summary, tell } from './support/report.js'
import { type Node, Stage } from './support/stage.js'

const PER_SECOND = 20_000
const SECONDS = 120
const JOURNAL_BYTES = 32 * 1024 * 1024
const SAMPLE_MS = 500

/** The most that a node's process took, in bytes. */
interface Peak {
  rss: number
  heap: number
  buffers: number
  journal: number
  heldBack: number
}

let stage: Stage
beforeEach(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.stop())

test(`a node keeps to its bounds of memory under ${PER_SECOND} messages per second for ${SECONDS} s`, {
  timeout: 300_000,
}, async () => {
  const sender = await stage.addNode('sender')
  const receiver = await stage.addNode('receiver')
  await stage.addClients(receiver, 1)
  await stage.settled()
  const peaks = new Map<Node, Peak>([sender, receiver].map((node) => [node, { ...NOTHING }]))
  const idle = await Promise.all([sender, receiver].map(usageOf))

  await stage.startLoad(PER_SECOND, [sender])
  const began = performance.now()
  let wasKilled = false
  for (let second = 0; second < SECONDS; second = (performance.now() - began) / 1_000) {
    await sleep(SAMPLE_MS)
    for (const [node, peak] of peaks) raise(peak, await usageOf(node))
    if (wasKilled || second < SECONDS / 2) continue
    wasKilled = true
    await stage.killBroker()
    await stage.linksAreDown()
    await stage.restartBroker()
  }
  await stage.stopLoad()
  const lastedMs = performance.now() - began
  const { sender: said } = await stage.said()
  const figures = await stage.expectNothingLost()
  for (const [node, peak] of peaks) raise(peak, await usageOf(node))

  tell(
    `${count(said! / (lastedMs / 1_000))} messages per second for ${count(lastedMs / 1_000)} s, ` +
      `broker killed in the middle: ${summary(figures)}`,
  )
  for (const [i, [node, peak]] of [...peaks].entries()) {
    tell(
      `memory of the ${node.name}, at most (and idle): RSS ${megabytes(peak.rss)} ` +
        `(${megabytes(idle[i]!.rss)}), heap ${megabytes(peak.heap)} (${megabytes(idle[i]!.heap)}), ` +
        `buffers ${megabytes(peak.buffers)} (${megabytes(idle[i]!.buffers)}), ` +
        `journal ${megabytes(peak.journal)}, held back ${megabytes(peak.heldBack)}`,
    )
    expect(peak.journal).toBeLessThanOrEqual(JOURNAL_BYTES)
  }
})

const NOTHING: Peak = { rss: 0, heap: 0, buffers: 0, journal: 0, heldBack: 0 }

function usageOf(node: Node): Promise<Peak> {
  return node.run(({ zmq }) => {
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const { journalBytes, bytesHeldBack } = zmq.stats()
    return {
      rss: process.resourceUsage().maxRSS * 1_024,
      heap: heapUsed,
      buffers: arrayBuffers,
      journal: journalBytes,
      heldBack: bytesHeldBack,
    }
  })
}

function raise(peak: Peak, usage: Peak): void {
  for (const name of Object.keys(peak) as (keyof Peak)[]) {
    peak[name] = Math.max(peak[name], usage[name])
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
