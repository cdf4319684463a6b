/**
 * The primary process of `node:cluster`, through which its workers hear each other. The benchmark
 * speaks to the workers through it as well; `@socket.io/cluster-adapter` leaves those words alone.
 */
import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { setupPrimary } from '@socket.io/cluster-adapter'
import { serve, tell, type Word } from '../calls.js'
import type { MiddleApi } from '../systems.js'

/** What the benchmark has for a worker: a call, or nothing if it should end. */
export interface ForWorker {
  worker: number
  call: unknown
}

/** What a worker has for the benchmark: a word, or nothing if it has ended. */
export interface FromWorker {
  worker: number
  word?: Word
}

cluster.setupPrimary({
  exec: fileURLToPath(new URL('./node.js', import.meta.url)),
  // what its README wants for binaries
  serialization: 'advanced',
})
setupPrimary()

const methods = {
  address: () => ({ middle: { kind: 'primary' as const }, pid: process.pid }),
  /** Starts a worker and tells its number and its process. */
  fork(args: string[]): { worker: number; pid: number } {
    cluster.settings.args = args
    const { id, process: child } = cluster.fork()
    return { worker: id, pid: child.pid as number }
  },
}

cluster.on('message', (worker, message: Word & { source?: unknown }) => {
  if (message.source === undefined) tell({ worker: worker.id, word: message } satisfies FromWorker)
})
cluster.on('exit', (worker) => tell({ worker: worker.id } satisfies FromWorker))

process.on('message', (message: ForWorker) => {
  if (message.worker === undefined) return
  const worker = cluster.workers?.[message.worker]
  if (message.call === undefined) worker?.disconnect()
  else worker?.send(message.call as object)
})

export type PrimaryApi = MiddleApi & typeof methods

serve<PrimaryApi>(methods)
