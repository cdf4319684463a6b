import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TestCluster } from '../support/cluster.js'
import { Listener } from '../support/listener.js'
import { packed, RawSender } from '../support/raw.js'
import { runProgram } from '../support/script.js'
import { Tap } from '../support/siege.js'
import { until } from '../support/until.js'

const PYTHON = '/usr/bin/python3'
const WORKER = fileURLToPath(new URL('../../examples/worker.py', import.meta.url))
const hasPython = spawnSync(PYTHON, ['-c', 'import zmq, msgpack']).status === 0

const TOPIC = 'socket.io/*'
/** What the worker sends behind its name: in MessagePack's own words, and as bytes. */
const BROADCAST = [3, '/', [], [], {}, 0, ['hello', 'from Python']]
const BYTES =
  '97' + // an array of 7
  '03' + // a broadcast
  'a12f' + // namespace: "/"
  '90' + // rooms: none, which is everyone
  '90' + // except: none
  '80' + // flags: none
  '00' + // encoding: plain data
  '92' + // an array of 2: the event
  `a5${Buffer.from('hello').toString('hex')}` +
  `ab${Buffer.from('from Python').toString('hex')}`

function frameOf(uid: string): Buffer {
  return Buffer.from(`9301b0${Buffer.from(uid).toString('hex')}00${BYTES}`, 'hex')
}

let cluster: TestCluster
let clients: Listener[]
beforeAll(async () => {
  cluster = await TestCluster.start(2)
  clients = await Promise.all(cluster.nodes.map((node) => Listener.connect(cluster, node)))
})
afterAll(() => cluster.stop())
beforeEach(() => {
  for (const { got } of clients) got.length = 0
})

/** Each client has got the worker's event, so many times and nothing else. */
async function expectHello(times: number): Promise<void> {
  await until(() => clients.every(({ got }) => got.length >= times))
  const mark = randomUUID()
  await cluster.nodes[0]!.run(({ io }, mark) => void io.emit(mark), mark)
  await until(() => clients.every(({ got }) => got.some(([event]) => event === mark)))
  const hello = Array.from({ length: times }, () => ['hello', 'from Python'])
  for (const { got } of clients) {
    expect(got.filter(([event]) => event !== mark)).toEqual(hello)
  }
  for (const node of cluster.nodes) expect(node.stderr).toBe('')
}

test('the bytes of the worker’s frame are what msgpack-lite writes, and reach every client', async () => {
  const sender = new RawSender('XPublisher', cluster.endpoints[0]!.pub)
  try {
    expect(frameOf(sender.uid)).toEqual(packed([1, sender.uid, 0], BROADCAST))
    await sender.subscribed(TOPIC)
    await sender.send(TOPIC, frameOf(sender.uid))
    await expectHello(1)
  } finally {
    sender.close()
  }
})

describe.runIf(hasPython)('with Python', () => {
  const env = () => ({ ZMQ_PUB: /\d+$/.exec(cluster.endpoints[0]!.pub)![0] })

  test('the worker says hello to the clients of every server, each time', async () => {
    for (let run = 0; run < 10; run++) {
      const outcome = await runProgram(PYTHON, [WORKER], { env: env() })
      expect(outcome).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    }
    await expectHello(10)
  })

  test('the worker’s frame is these bytes', async () => {
    const tap = new Tap(cluster.endpoints[0]!.sub)
    try {
      await until(async () => {
        await runProgram(PYTHON, [WORKER], { env: env() })
        return tap.bodies.some((body) => body.includes('from Python'))
      })
      const frame = await tap.heard('from Python')
      const uid = frame.toString('latin1', 3, 19)
      expect(uid).toMatch(/^[0-9a-f]{16}$/)
      expect(frame).toEqual(frameOf(uid))
    } finally {
      tap.close()
    }
  })
})

test('the worker’s text is of those values', async () => {
  const source = await readFile(WORKER, 'utf8')
  expect(source).toContain('header = [1, secrets.token_hex(8), 0]')
  expect(source).toContain(`broadcast = ${JSON.stringify(BROADCAST).replaceAll(',', ', ')}`)
  expect(source).toContain(`[b"${TOPIC}", msgpack.packb(header) + msgpack.packb(broadcast)]`)
})

test('the worker in the protocol’s document is this one', async () => {
  const document = await readFile(
    fileURLToPath(new URL('../../docs/protocol.md', import.meta.url)),
    'utf8',
  )
  expect(document).toContain(await readFile(WORKER, 'utf8'))
})
