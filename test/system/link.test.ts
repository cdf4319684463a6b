import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io as connect } from 'socket.io-client'
import { zmqAdapter } from 'socket.io-zeromq'
import { Emitter } from 'socket.io-zeromq-emitter'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Subscriber, XPublisher } from 'zeromq'
import { TestCluster } from '../support/cluster.js'
import { temporaryFolder } from '../support/folder.js'
import { Listener } from '../support/listener.js'
import { runScript } from '../support/script.js'
import { collect, nextEvent, until } from '../support/until.js'

let cluster: TestCluster
let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  cluster = new TestCluster()
  folder = await temporaryFolder()
})
afterEach(async () => {
  await cluster.stop()
  await folder.remove()
})

/** Two ipc endpoints of one broker. */
const ipc = (name = '') => ({
  pub: `ipc://${folder.path}/${name}pub`,
  sub: `ipc://${folder.path}/${name}sub`,
})

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('without a broker', () => {
  test('a server says once where it looked for one, and how to start it', async () => {
    const brokers = [ipc()]
    const node = await cluster.startNode({ zmq: { brokers } }, { ready: false })
    await until(() => node.stderr.includes('ZMQ_NO_BROKER'))
    const { pub, sub } = ipc()
    const warning =
      `[ZMQ_NO_BROKER] NoBrokerError: no broker answered at ${pub} and ${sub} within 5000 ms; ` +
      `start one with: npx zmq-broker --pub ${pub} --sub ${sub}\n`
    expect(node.stderr).toContain(warning)
    // its own clients are served meanwhile
    const client = await Listener.connect(cluster, node)
    await node.run(({ io }) => void io.emit('hello', 'alone'))
    await until(() => client.got.length > 0)
    expect(client.got).toEqual([['hello', 'alone']])
    // and when the broker starts, all is well
    await cluster.startBroker(ipc())
    await node.run(({ zmq }) => zmq.ready())
    expect(node.stderr.split('ZMQ_NO_BROKER')).toHaveLength(2)
  })

  test('an emitter says the same, with the ports to start it on', async () => {
    const emitter = await cluster.startEmitter({
      brokers: [{ pub: 'tcp://127.0.0.1:1', sub: 'tcp://127.0.0.1:2' }],
    })
    await until(() => emitter.stderr.includes('ZMQ_NO_BROKER'))
    expect(emitter.stderr).toContain(
      'no broker answered at tcp://127.0.0.1:1 and tcp://127.0.0.1:2 within 5000 ms; ' +
        'start one with: npx zmq-broker --pub 1 --sub 2\n',
    )
  })

  test('what servers said before there was one reaches the others when it starts', async () => {
    const zmq = { brokers: [ipc()] }
    const [a, b] = await Promise.all([
      cluster.startNode({ zmq }, { ready: false }),
      cluster.startNode({ zmq }, { ready: false }),
    ])
    const client = await Listener.connect(cluster, b)
    await a.run(({ io }) => void io.emit('early'))
    expect(await a.run(({ zmq }) => zmq.stats())).toMatchObject({
      link: 'down',
      messagesHeld: 1,
      messagesSent: 0,
    })
    await cluster.startBroker(ipc())
    await until(() => client.got.length > 0)
    expect(client.got).toEqual([['early']])
    expect(await a.run(({ zmq }) => zmq.stats())).toMatchObject({ link: 'up', messagesHeld: 0 })
  })
})

describe('over ipc endpoints', () => {
  test('servers and emitters reach each other', async () => {
    await cluster.startBroker(ipc())
    const nodes = await Promise.all([cluster.startNode(), cluster.startNode()])
    await cluster.settled()
    const emitter = await cluster.startEmitter()
    const clients = await Promise.all(nodes.map((node) => Listener.connect(cluster, node)))
    await emitter.run(({ emitter }) => {
      emitter.emit('from', 'the emitter')
      return emitter.flush()
    })
    await until(() => clients.every(({ got }) => got.length === 1))
    await nodes[0].run(({ io }) => void io.emit('from', 'a server'))
    await until(() => clients.every(({ got }) => got.length === 2))
    for (const { got } of clients) {
      expect(got).toEqual([
        ['from', 'the emitter'],
        ['from', 'a server'],
      ])
    }
    expect(await nodes[1].run(async ({ io }) => (await io.fetchSockets()).length)).toBe(2)
  })
})

describe('with ready-made sockets', () => {
  const closers: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  /** What `pubClient` and `subClient` are meant to be. */
  function readyMade() {
    const [{ pub, sub }] = cluster.endpoints as [{ pub: string; sub: string }]
    const pubClient = new XPublisher({ immediate: true, linger: 0 })
    const subClient = new Subscriber({ linger: 0 })
    pubClient.connect(pub)
    subClient.connect(sub)
    return { pubClient, subClient }
  }

  test('a server is in the cluster as with its own, and closes them', async () => {
    await cluster.startBroker()
    const node = await cluster.startNode()
    const there = await Listener.connect(cluster, node)

    const clients = readyMade()
    const zmq = zmqAdapter(clients)
    const httpServer = createServer()
    const io = new Server(httpServer, { adapter: zmq })
    closers.push(() => io.close())
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
    const { port } = httpServer.address() as AddressInfo
    const here = connect(`http://127.0.0.1:${port}`, { transports: ['websocket'] })
    closers.push(() => here.disconnect())
    await nextEvent(here, 'connect')
    const heard = collect(here, 'hello')

    await zmq.ready()
    await until(async () => (await io.of('/').adapter.serverCount()) === 2)
    await until(() => node.run(async ({ io }) => (await io.of('/').adapter.serverCount()) === 2))
    io.emit('hello', 'from here')
    await until(() => there.got.length === 1)
    await node.run(({ io }) => void io.emit('hello', 'from there'))
    await until(() => heard.length === 2)
    expect(there.got).toEqual([
      ['hello', 'from here'],
      ['hello', 'from there'],
    ])
    expect(heard).toEqual(['from here', 'from there'])
    expect(await io.fetchSockets()).toHaveLength(2)

    await io.close()
    expect([clients.pubClient.closed, clients.subClient.closed]).toEqual([true, true])
    await until(() => node.run(async ({ io }) => (await io.of('/').adapter.serverCount()) === 1))
  })

  test('an emitter reaches the servers, and closes them', async () => {
    await cluster.startBroker()
    const nodes = await Promise.all([cluster.startNode(), cluster.startNode()])
    const listeners = await Promise.all(nodes.map((node) => Listener.connect(cluster, node)))
    const clients = readyMade()
    const emitter = new Emitter(clients)
    for (const i of numbers(100)) emitter.emit('count', i)
    await emitter.close()
    expect([clients.pubClient.closed, clients.subClient.closed]).toEqual([true, true])
    await until(() => listeners.every(({ got }) => got.length >= 100))
    for (const { got } of listeners) expect(got).toEqual(numbers(100).map((i) => ['count', i]))
  })
})

describe('a bad option ends the process with one clear line:', () => {
  const server = (options: string) => `
    import { Server } from 'socket.io'
    import { zmqAdapter } from 'socket.io-zeromq'
    new Server(0, { adapter: zmqAdapter(${options}) })
  `
  const emitter = (options: string) => `
    import { Emitter } from 'socket.io-zeromq-emitter'
    new Emitter(${options}).emit('hello')
  `

  test.each([
    [
      server('{ pubPort: 70000 }'),
      'OptionError: option pubPort must be an integer from 1 to 65535, and not 70000',
    ],
    [
      server("{ brokers: [{ pub: 'localhost:5555', sub: 'tcp://localhost:5556' }] }"),
      'OptionError: option brokers[0].pub must be an endpoint such as "tcp://127.0.0.1:5555" or ' +
        '"ipc:///run/zmq/pub", and not "localhost:5555"',
    ],
    [
      server('{ requestTimeout: 0 }'),
      'OptionError: option requestTimeout must be an integer from 1',
    ],
    [
      server(`{ brokers: [{ pub: 'ipc:///${'x'.repeat(200)}', sub: 'ipc:///x' }] }`),
      'OptionError: cannot connect to ipc:///xxx',
    ],
    [emitter('{ sockets: [] }'), 'OptionError: unknown option sockets: the options are key, host,'],
    [
      emitter("{ pubClient: 'tcp://127.0.0.1:5555' }"),
      "OptionError: option pubClient must be a ZeroMQ XPublisher (from 'zeromq'), and not \"tcp:",
    ],
  ])('%s', async (source, message) => {
    const { code, stderr } = await runScript(source)
    expect(stderr).toContain(message)
    expect(code).toBe(1)
  })
})
