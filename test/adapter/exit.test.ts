import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, until } from '../support/until.js'
import { NEVER_MS } from './modes.js'

let cluster: TestCluster
beforeEach(() => {
  cluster = new TestCluster()
})
afterEach(() => cluster.stop())

/** Closes a node's server, and its connection to this test, and returns how its process ended. */
async function close(node: NodeProcess): Promise<NodeProcess['exited']> {
  cluster.nodes = cluster.nodes.filter((other) => other !== node)
  await node.run(({ io }) => {
    process.removeAllListeners('disconnect')
    setImmediate(async () => {
      await io.close()
      process.disconnect()
    })
  })
  return node.exited
}

const NORMAL = { code: 0, signal: null }

describe('after io.close() the process ends by itself', () => {
  test('with a client connected', async () => {
    await cluster.startBroker()
    const node = await cluster.startNode({ namespaces: ['/known'] })
    await cluster.connect(node, { reconnection: false })
    await cluster.connect(node, { nsp: '/known', reconnection: false })
    expect(await close(node)).toEqual(NORMAL)
    expect(node.stderr).toBe('')
  })

  test('and leaves the cluster', async () => {
    await cluster.startBroker()
    const [node, other] = await Promise.all([cluster.startNode(), cluster.startNode()])
    await cluster.settled()
    expect(await close(node)).toEqual(NORMAL)
    await until(async () => (await other.run(({ io }) => io.of('/').adapter.serverCount())) === 1)
  })

  test('with what was emitted just before, and by the sockets that disconnect', async () => {
    await cluster.startBroker()
    const [node, other] = await Promise.all([cluster.startNode(), cluster.startNode()])
    await cluster.settled()
    const client = await cluster.connect(other)
    const got = collect(client, 'news')
    await cluster.connect(node, { reconnection: false })
    await node.run(({ io }) => {
      for (const socket of io.sockets.sockets.values()) {
        socket.on('disconnect', () => io.emit('news', 'it left'))
      }
      process.removeAllListeners('disconnect')
      setImmediate(async () => {
        io.emit('news', 'the last words')
        await io.close()
        process.disconnect()
      })
    })
    expect(await node.exited).toEqual(NORMAL)
    await cluster.heard(other, client)
    expect(got).toEqual(['the last words', 'it left'])
  })

  test('without a broker', async () => {
    const nowhere = [{ pub: 'tcp://127.0.0.1:1', sub: 'tcp://127.0.0.1:2' }]
    const node = await cluster.startNode({ zmq: { brokers: nowhere } }, { ready: false })
    await cluster.connect(node, { reconnection: false })
    expect(await close(node)).toEqual(NORMAL)
    expect(node.stderr).not.toContain('FlushTimeoutError')
  })

  test('without a broker, and says what it could not send', async () => {
    const nowhere = [{ pub: 'tcp://127.0.0.1:1', sub: 'tcp://127.0.0.1:2' }]
    const node = await cluster.startNode(
      { zmq: { brokers: nowhere, closeTimeoutMs: 100 } },
      { ready: false },
    )
    await node.run(({ io }) => io.emit('news'))
    expect(await close(node)).toEqual(NORMAL)
    expect(node.stderr).toContain('FlushTimeoutError: 1 message may not have reached a broker')
  })

  test('when the broker died before', async () => {
    const { process: broker } = await cluster.startBroker()
    const node = await cluster.startNode()
    const down = node.run(
      ({ zmq }) => new Promise<void>((resolve) => zmq.once('link:down', resolve)),
    )
    await broker.kill()
    await down
    expect(await close(node)).toEqual(NORMAL)
    expect(node.stderr).toBe('')
  })

  test('with requests open, which fail', async () => {
    await cluster.startBroker()
    const zmq = { requestTimeout: NEVER_MS }
    const [node, frozen] = await Promise.all([
      cluster.startNode({ zmq }),
      cluster.startNode({ zmq }),
    ])
    await cluster.settled()
    frozen.signal('SIGSTOP')
    const outcomes = node.run(async ({ io, zmq }) => {
      const outcome = (promise: Promise<unknown>) => promise.then(() => 'answered', String)
      const outcomes = Promise.all([
        outcome(io.fetchSockets()),
        outcome(io.serverSideEmitWithAck('question')),
      ])
      await new Promise((resolve) => setImmediate(resolve))
      const { requestsOpen } = zmq.stats()
      process.removeAllListeners('disconnect')
      setImmediate(() => io.close())
      return outcomes.then((outcomes) => {
        setImmediate(() => process.disconnect())
        return { requestsOpen, outcomes }
      })
    })
    const failed = 'ClosedError: the server was closed before all answers had come'
    expect(await outcomes).toEqual({ requestsOpen: 2, outcomes: [failed, failed] })
    expect(await node.exited).toEqual(NORMAL)
  })

  test('when somebody emits after it', async () => {
    await cluster.startBroker()
    const node = await cluster.startNode()
    await node.run(({ io }) => {
      process.removeAllListeners('disconnect')
      setImmediate(async () => {
        await io.close()
        // as a listener for `disconnect` does that has asked a database first
        io.emit('news', 'too late')
        io.socketsJoin('room')
        io.serverSideEmit('said')
        process.disconnect()
      })
    })
    expect(await node.exited).toEqual(NORMAL)
  })

  test('when a namespace is made while it closes', async () => {
    await cluster.startBroker()
    const [node, other] = await Promise.all([cluster.startNode(), cluster.startNode()])
    await cluster.settled()
    await other.run(({ io }) => void io.of('/new'))
    const client = await cluster.connect(other, { nsp: '/new' })
    const got = collect(client, 'news')
    await cluster.connect(node, { reconnection: false })
    await node.run(({ io }) => {
      for (const socket of io.sockets.sockets.values()) {
        socket.on('disconnect', () => io.of('/new').emit('news', 'it left'))
      }
      process.removeAllListeners('disconnect')
      setImmediate(async () => {
        await io.close()
        process.disconnect()
      })
    })
    expect(await node.exited).toEqual(NORMAL)
    await cluster.heard(other, client)
    expect(got).toEqual(['it left'])
  })

  test('when a namespace is made after it, and a new server may still be made', async () => {
    await cluster.startBroker()
    const node = await cluster.startNode()
    await node.run(({ io, zmq, Server }) => {
      process.removeAllListeners('disconnect')
      setImmediate(async () => {
        const closing = io.close()
        io.of('/while').emit('news')
        await closing
        io.of('/after').emit('news')
        const again = new Server(0, { adapter: zmq })
        await zmq.ready()
        again.of('/again').emit('news')
        await again.close()
        process.disconnect()
      })
    })
    expect(await node.exited).toEqual(NORMAL)
    expect(node.stderr).toBe('')
  })

  test('with the last words of the sockets of every namespace', async () => {
    await cluster.startBroker()
    const [node, other] = await Promise.all([
      cluster.startNode({ namespaces: ['/red', '/blue'] }),
      cluster.startNode(),
    ])
    await cluster.settled()
    const client = await cluster.connect(other)
    const got = collect(client, 'news')
    for (const nsp of ['/', '/red', '/blue']) {
      await cluster.connect(node, { nsp, reconnection: false })
    }
    await node.run(({ io }) => {
      for (const nsp of io._nsps.values()) {
        for (const socket of nsp.sockets.values()) {
          socket.on('disconnect', () => io.emit('news', nsp.name))
        }
      }
    })
    expect(await close(node)).toEqual(NORMAL)
    await cluster.heard(other, client)
    expect(got).toEqual(['/', '/red', '/blue'])
  })
})
