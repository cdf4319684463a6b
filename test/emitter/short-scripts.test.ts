import { Emitter } from 'socket.io-zeromq-emitter'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { TestCluster } from '../support/cluster.js'
import { allHasCome, Listener } from '../support/listener.js'
import { runScript } from '../support/script.js'

const RUNS = 200
const AT_ONCE = 4

let cluster: TestCluster
let clients: Listener[]
beforeAll(async () => {
  cluster = await TestCluster.start(2)
  const { nodes } = cluster
  clients = await Promise.all([...nodes, ...nodes].map((node) => Listener.connect(cluster, node)))
})
afterAll(() => cluster.stop())
beforeEach(() => {
  for (const { got } of clients) got.length = 0
})

/** Every client of every node has got each number from 0 to 199, once. */
async function expectEachRunOnce(): Promise<void> {
  // each run was over the broker before it ended, so that a mark sent now comes behind all of them
  await allHasCome(await cluster.startEmitter(), clients)
  for (const { got } of clients) {
    const numbers = got.map(([, number]) => number as number).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: RUNS }, (_, i) => i))
  }
}

test('a script of three lines delivers its message to every server, two hundred times of two hundred', {
  timeout: 180_000,
}, async () => {
  const script = (run: number) => `
      import { Emitter } from 'socket.io-zeromq-emitter'
      const emitter = new Emitter({ brokers: ${JSON.stringify(cluster.endpoints)} })
      emitter.emit('run', ${run})
      await emitter.close()
    `
  let next = 0
  const runner = async () => {
    for (let run = next++; run < RUNS; run = next++) {
      const { code, signal, stderr } = await runScript(script(run))
      expect({ run, code, signal, stderr }).toEqual({ run, code: 0, signal: null, stderr: '' })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, runner))
  await expectEachRunOnce()
})

test('two hundred emitters of one process, one after the other, deliver a message each', async () => {
  for (let run = 0; run < RUNS; run++) {
    const emitter = new Emitter({ brokers: cluster.endpoints })
    emitter.emit('run', run)
    await emitter.close()
  }
  await expectEachRunOnce()
})

test('two hundred emitters of one process, all at once, deliver a message each', async () => {
  await Promise.all(
    Array.from({ length: RUNS }, async (_, run) => {
      const emitter = new Emitter({ brokers: cluster.endpoints })
      emitter.emit('run', run)
      await emitter.close()
    }),
  )
  await expectEachRunOnce()
})
