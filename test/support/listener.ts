import { randomUUID } from 'node:crypto'
import type { Socket } from 'socket.io-client'
import type { EmitterProcess, NodeProcess, TestCluster } from './cluster.js'
import { until } from './until.js'

const MARK = 'the mark behind what was emitted'

/** A client that writes down all that it gets, each event as an array of its name and arguments. */
export class Listener {
  readonly got: unknown[][] = []
  readonly #marks = new Set<string>()

  constructor(
    readonly client: Socket,
    readonly nsp = '/',
  ) {
    client.onAny((event, ...args) => {
      if (event === MARK) this.#marks.add(args[0])
      else this.got.push([event, ...args])
    })
  }

  static async connect(
    cluster: TestCluster,
    node: NodeProcess,
    options: Parameters<TestCluster['connect']>[1] = {},
  ): Promise<Listener> {
    return new Listener(await cluster.connect(node, options), options.nsp)
  }

  hasMark(mark: string): boolean {
    return this.#marks.has(mark)
  }
}

/**
 * Waits until everything that an emitter has emitted so far has come. What a listener does not have
 * then it will not get, since a sender's messages come in the order in which they were said.
 */
export async function allHasCome(emitter: EmitterProcess, listeners: Listener[]): Promise<void> {
  const mark = randomUUID()
  const namespaces = [...new Set(listeners.map(({ nsp }) => nsp))]
  await emitter.run(
    ({ emitter }, { namespaces, event, mark }) => {
      for (const nsp of namespaces) emitter.of(nsp).emit(event, mark)
    },
    { namespaces, event: MARK, mark },
  )
  await until(() => listeners.every((listener) => listener.hasMark(mark)), {
    what: () => 'every client has got the mark',
  })
}
