import { symlink } from 'node:fs/promises'
import { ClosedError, Emitter, FlushTimeoutError } from 'socket.io-zeromq-emitter'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EmitterContext } from '../fixtures/emitter.js'
import { TestCluster } from '../support/cluster.js'
import { temporaryFolder } from '../support/folder.js'
import { Listener } from '../support/listener.js'
import { runScript } from '../support/script.js'
import { until } from '../support/until.js'

/** Where nobody listens: TCP port 1 belongs to a service that no machine runs any more. */
const NO_BROKER = [{ pub: 'tcp://127.0.0.1:1', sub: 'tcp://127.0.0.1:1' }]

let cluster: TestCluster
beforeEach(() => {
  cluster = new TestCluster()
})
afterEach(() => cluster.stop())

/** Two nodes with a client each. */
async function twoNodes(): Promise<Listener[]> {
  await cluster.startBroker()
  await Promise.all([cluster.startNode(), cluster.startNode()])
  await cluster.settled()
  return Promise.all(cluster.nodes.map((node) => Listener.connect(cluster, node)))
}

describe('ready', () => {
  test('resolves when the way to a broker and back is open', async () => {
    await cluster.startBroker()
    const emitter = await cluster.startEmitter()
    await emitter.run(({ emitter }) => emitter.ready())
    expect(await emitter.run(({ emitter }) => emitter.stats().link)).toBe('up')
  })

  test('rejects with a ClosedError if the emitter is closed before', async () => {
    const emitter = new Emitter({ brokers: NO_BROKER })
    const ready = emitter.ready()
    await emitter.close()
    await expect(ready).rejects.toThrow(ClosedError)
    await expect(emitter.ready()).rejects.toThrow(ClosedError)
  })
})

describe('flush', () => {
  test('resolves when what was emitted has reached the broker, whatever becomes of the emitter', async () => {
    const clients = await twoNodes()
    const emitter = await cluster.startEmitter()
    await emitter.run(async ({ emitter }) => {
      for (let i = 0; i < 2000; i++) emitter.emit('count', i)
      await emitter.flush()
    })
    await emitter.kill()
    const expected = Array.from({ length: 2000 }, (_, i) => ['count', i])
    await until(() => clients.every(({ got }) => got.length >= expected.length))
    for (const { got } of clients) expect(got).toEqual(expected)
  })

  test('resolves when nothing was emitted', async () => {
    const emitter = new Emitter({ brokers: NO_BROKER })
    await emitter.flush()
    await emitter.close()
  })

  test('leaves the emitter open, and can be called again and again', async () => {
    const [client] = await twoNodes()
    const emitter = new Emitter({ brokers: cluster.endpoints })
    for (let i = 0; i < 50; i++) {
      emitter.emit('count', i)
      if (i % 2 === 0) await emitter.flush()
    }
    await Promise.all([emitter.flush(), emitter.flush()])
    expect(emitter.stats().messagesHeld).toBe(0)
    await emitter.close()
    await until(() => client!.got.length >= 50)
    expect(client!.got).toEqual(Array.from({ length: 50 }, (_, i) => ['count', i]))
  })

  test('rejects with a FlushTimeoutError that says how much is missing', async () => {
    const emitter = new Emitter({ brokers: NO_BROKER, closeTimeoutMs: 1 })
    emitter.emit('hello', 1)
    emitter.emit('hello', 2)
    await expect(emitter.flush()).rejects.toThrow(FlushTimeoutError)
    await expect(emitter.flush()).rejects.toThrow(/^2 messages may not have reached a broker/)
    await expect(emitter.close()).rejects.toThrow(FlushTimeoutError)
  })
})

describe('close', () => {
  test('resolves when what was emitted has reached the broker, and lets the process end', async () => {
    const clients = await twoNodes()
    const { code, stdout, stderr } = await runScript(`
      import { Emitter } from 'socket.io-zeromq-emitter'
      const emitter = new Emitter({ brokers: ${JSON.stringify(cluster.endpoints)} })
      for (let i = 0; i < 2000; i++) emitter.emit('count', i)
      await emitter.close()
      process.on('exit', () => console.log('ended by itself'))
    `)
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'ended by itself\n', stderr: '' })
    const expected = Array.from({ length: 2000 }, (_, i) => ['count', i])
    await until(() => clients.every(({ got }) => got.length >= expected.length))
    for (const { got } of clients) expect(got).toEqual(expected)
  })

  test('rejects with a FlushTimeoutError if no broker answers, and lets the process end', async () => {
    const { code, stdout, stderr } = await runScript(`
      import { Emitter } from 'socket.io-zeromq-emitter'
      const emitter = new Emitter({ brokers: ${JSON.stringify(NO_BROKER)}, closeTimeoutMs: 100 })
      emitter.emit('hello')
      await emitter.close().catch((error) => console.log(String(error)))
      process.on('exit', () => console.log('ended by itself'))
    `)
    expect(stdout).toBe(
      'FlushTimeoutError: 1 message may not have reached a broker within 100 ms ' +
        '(the link is down)\nended by itself\n',
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('fails a script that does not look at what it returns', async () => {
    const { code, stderr } = await runScript(`
      import { Emitter } from 'socket.io-zeromq-emitter'
      const emitter = new Emitter({ brokers: ${JSON.stringify(NO_BROKER)}, closeTimeoutMs: 100 })
      emitter.emit('hello')
      await emitter.close()
    `)
    expect(code).toBe(1)
    expect(stderr).toContain('FlushTimeoutError: 1 message may not have reached a broker')
  })

  test('is at once done where nothing was emitted, broker or none', async () => {
    await new Emitter({ brokers: NO_BROKER }).close()
  })

  test('can be called twice', async () => {
    await cluster.startBroker()
    const emitter = new Emitter({ brokers: cluster.endpoints })
    emitter.emit('hello')
    await Promise.all([emitter.close(), emitter.close()])
    await emitter.close()
  })

  test('is the end: whatever is called afterwards throws a ClosedError', async () => {
    const emitter = new Emitter({ brokers: NO_BROKER })
    const room = emitter.to('room')
    await emitter.close()
    expect(() => emitter.emit('hello')).toThrow(ClosedError)
    expect(() => room.emit('hello')).toThrow(ClosedError)
    expect(() => room.socketsJoin('other')).toThrow(ClosedError)
    expect(() => emitter.serverSideEmit('hello')).toThrow(ClosedError)
    await expect(emitter.flush()).rejects.toThrow(ClosedError)
  })
})

describe('what is emitted before a broker is there', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => {
    folder = await temporaryFolder()
  })
  afterEach(() => folder.remove())

  const emitHundred = ({ emitter }: EmitterContext) => {
    for (let i = 0; i < 100; i++) emitter.emit('early', i)
    return emitter.stats()
  }
  const hundred = Array.from({ length: 100 }, (_, i) => ['early', i])

  test('waits, and reaches every server when one starts', async () => {
    const broker = { pub: `ipc://${folder.path}/pub`, sub: `ipc://${folder.path}/sub` }
    const zmq = { brokers: [broker] }
    await Promise.all([
      cluster.startNode({ zmq }, { ready: false }),
      cluster.startNode({ zmq }, { ready: false }),
    ])
    const clients = await Promise.all(cluster.nodes.map((node) => Listener.connect(cluster, node)))
    const emitter = await cluster.startEmitter(zmq)
    expect(await emitter.run(emitHundred)).toMatchObject({
      link: 'down',
      messagesHeld: 100,
      messagesSent: 0,
    })
    await cluster.startBroker(broker)
    await emitter.run(({ emitter }) => emitter.close())
    await until(() => clients.every(({ got }) => got.length >= 100))
    for (const { got } of clients) expect(got).toEqual(hundred)
  })

  test('reaches every server that the broker knows when the emitter finds it', async () => {
    const { path } = folder
    await cluster.startBroker({ pub: `ipc://${path}/pub`, sub: `ipc://${path}/sub` })
    await Promise.all([cluster.startNode(), cluster.startNode()])
    await cluster.settled()
    const clients = await Promise.all(cluster.nodes.map((node) => Listener.connect(cluster, node)))
    // to the emitter, whose endpoints are not there yet, the broker has not started
    const emitter = await cluster.startEmitter({
      brokers: [{ pub: `ipc://${path}/pub-later`, sub: `ipc://${path}/sub-later` }],
    })
    expect(await emitter.run(emitHundred)).toMatchObject({ link: 'down', messagesHeld: 100 })
    await symlink(`${path}/pub`, `${path}/pub-later`)
    await symlink(`${path}/sub`, `${path}/sub-later`)
    await emitter.run(({ emitter }) => emitter.close())
    await until(() => clients.every(({ got }) => got.length >= 100))
    for (const { got } of clients) expect(got).toEqual(hundred)
  })
})

test('one emitter is told of the link and of the servers that come and go', async () => {
  await cluster.startBroker()
  const emitter = await cluster.startEmitter()
  await emitter.run(({ emitter }) => {
    const told: unknown[][] = []
    ;(globalThis as { told?: unknown[][] }).told = told
    for (const event of ['link:up', 'link:down', 'member:join', 'member:leave'] as const) {
      emitter.on(event, (...args: unknown[]) => told.push([event, ...args]))
    }
  })
  const told = () =>
    emitter.run(() => (globalThis as unknown as { told: [string, string?][] }).told)
  const node = await cluster.startNode()
  await until(async () => (await told()).some(([event]) => event === 'member:join'))
  const uid = await node.run(({ io }) => (io.of('/').adapter as unknown as { uid: string }).uid)
  await node.kill()
  await until(async () => (await told()).some(([event]) => event === 'member:leave'))
  await cluster.brokers[0]!.process.kill()
  await until(async () => (await told()).some(([event]) => event === 'link:down'))
  expect((await told()).filter(([event]) => event !== 'link:up')).toEqual([
    ['member:join', uid],
    ['member:leave', uid],
    ['link:down'],
  ])
})
