import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type EmitterProcess, TestCluster } from '../support/cluster.js'
import { allHasCome, Listener } from '../support/listener.js'
import { nextEvent, until } from '../support/until.js'

let cluster: TestCluster
let emitter: EmitterProcess
let listeners: Listener[] = []
beforeAll(async () => {
  cluster = await TestCluster.start(2, { namespaces: ['/chat'] })
  emitter = await cluster.startEmitter()
})
afterAll(() => cluster.stop())
afterEach(() => {
  for (const { client } of listeners) client.disconnect()
  listeners = []
})

/** A client in these rooms on each node. */
async function onEachNode(options: { rooms?: string[]; nsp?: string }): Promise<Listener[]> {
  const clients = await Promise.all(
    cluster.nodes.map((node) => Listener.connect(cluster, node, options)),
  )
  listeners.push(...clients)
  return clients
}

describe('socketsJoin', () => {
  test('makes the clients addressed join a room, on every server', async () => {
    const red = await onEachNode({ rooms: ['red'] })
    const blue = await onEachNode({ rooms: ['red', 'blue'] })
    const none = await onEachNode({})
    await emitter.run(({ emitter }) => {
      emitter.to('red').except('blue').socketsJoin('joined')
      emitter.to('joined').emit('hello', 'joined')
    })
    await allHasCome(emitter, listeners)
    for (const { got } of red) expect(got).toEqual([['hello', 'joined']])
    for (const { got } of [...blue, ...none]) expect(got).toEqual([])
  })

  test('takes several rooms, and addresses everyone by default', async () => {
    const everyone = await onEachNode({})
    await emitter.run(({ emitter }) => {
      emitter.socketsJoin(['one', 'two'])
      emitter.to('one').emit('one')
      emitter.to('two').emit('two')
    })
    await allHasCome(emitter, listeners)
    for (const { got } of everyone) expect(got).toEqual([['one'], ['two']])
  })

  test('stays within its namespace', async () => {
    const main = await onEachNode({})
    const chat = await onEachNode({ nsp: '/chat' })
    await emitter.run(({ emitter }) => {
      emitter.of('/chat').socketsJoin('joined')
      emitter.to('joined').emit('main')
      emitter.of('/chat').to('joined').emit('chat')
    })
    await allHasCome(emitter, listeners)
    for (const { got } of main) expect(got).toEqual([])
    for (const { got } of chat) expect(got).toEqual([['chat']])
  })
})

describe('socketsLeave', () => {
  test('makes the clients addressed leave a room, or several, on every server', async () => {
    const red = await onEachNode({ rooms: ['red', 'one', 'two'] })
    const blue = await onEachNode({ rooms: ['blue', 'one', 'two'] })
    await emitter.run(({ emitter }) => {
      emitter.in('red').socketsLeave('one')
      emitter.to('one').emit('one')
      emitter.to('two').emit('two')
      emitter.socketsLeave(['one', 'two'])
      emitter.to(['one', 'two']).emit('nobody')
    })
    await allHasCome(emitter, listeners)
    for (const { got } of red) expect(got).toEqual([['two']])
    for (const { got } of blue) expect(got).toEqual([['one'], ['two']])
  })
})

describe('disconnectSockets', () => {
  test('disconnects the clients addressed, on every server, and no others', async () => {
    const red = await onEachNode({ rooms: ['red'] })
    const blue = await onEachNode({ rooms: ['red', 'blue'] })
    const none = await onEachNode({})
    const reasons: string[] = []
    for (const { client } of red) client.on('disconnect', (reason) => reasons.push(reason))
    await emitter.run(({ emitter }) => {
      emitter.to('red').except('blue').disconnectSockets()
    })
    await until(() => reasons.length === red.length)
    expect(reasons).toEqual(red.map(() => 'io server disconnect'))
    await allHasCome(emitter, [...blue, ...none])
    for (const { client } of [...blue, ...none]) expect(client.connected).toBe(true)
  })

  test('leaves the other namespaces of a connection alone unless told to close it', async () => {
    const open = await onEachNode({ rooms: ['open'] })
    const shut = await onEachNode({ rooms: ['shut'] })
    const [besideOpen, besideShut] = await Promise.all([
      secondNamespaces(open),
      secondNamespaces(shut),
    ])
    await emitter.run(({ emitter }) => {
      emitter.to('open').disconnectSockets()
      emitter.to('shut').disconnectSockets(true)
    })
    await until(() => [...open, ...shut, ...besideShut].every(({ client }) => !client.connected))
    await allHasCome(emitter, besideOpen)
    for (const { client } of besideOpen) expect(client.connected).toBe(true)
  })
})

/** Each client's second namespace, over the same connection. */
function secondNamespaces(clients: Listener[]): Promise<Listener[]> {
  return Promise.all(
    clients.map(async ({ client }) => {
      const second = client.io.socket('/chat')
      await nextEvent(second, 'connect')
      listeners.push(new Listener(second, '/chat'))
      return listeners.at(-1) as Listener
    }),
  )
}

describe('serverSideEmit', () => {
  test('reaches every server with all its arguments, and no client', async () => {
    const clients = await onEachNode({})
    for (const node of cluster.nodes) {
      await node.run(({ io, kept }) => {
        const heard: unknown[] = []
        kept.heard = heard
        io.on('ping', (...args: unknown[]) => heard.push(['/', ...args]))
        io.of('/chat').on('ping', (...args: unknown[]) => heard.push(['/chat', ...args]))
      })
    }
    await emitter.run(({ emitter }) => {
      emitter.serverSideEmit('ping')
      emitter.serverSideEmit('ping', 'text', { deep: [1, { at: 2 }] }, null, Buffer.from('bytes'))
      emitter.of('/chat').serverSideEmit('ping', 'chat')
    })
    await allHasCome(emitter, clients)
    for (const node of cluster.nodes) {
      expect(await node.run(({ kept }) => kept.heard)).toEqual([
        ['/'],
        ['/', 'text', { deep: [1, { at: 2 }] }, null, Buffer.from('bytes')],
        ['/chat', 'chat'],
      ])
    }
    for (const { got } of clients) expect(got).toEqual([])
  })
})

test('values may nest hundreds of levels deep', async () => {
  const clients = await onEachNode({})
  for (const node of cluster.nodes) {
    await node.run(({ io, kept }) => {
      io.once('deep', (value: unknown) => {
        kept.deep = JSON.stringify(value)
      })
    })
  }
  const deep = `${'['.repeat(500)}${']'.repeat(500)}`
  await emitter.run(({ emitter }, deep) => {
    emitter.serverSideEmit('deep', JSON.parse(deep))
    emitter.emit('deep', JSON.parse(deep))
  }, deep)
  await allHasCome(emitter, clients)
  for (const { got } of clients) expect(got).toEqual([['deep', JSON.parse(deep)]])
  for (const node of cluster.nodes) expect(await node.run(({ kept }) => kept.deep)).toBe(deep)
})

test('operations and events take effect in the order in which they were called', async () => {
  const clients = await onEachNode({})
  await emitter.run(({ emitter }) => {
    for (let i = 0; i < 50; i++) {
      emitter.to('door').emit('lost', i)
      emitter.socketsJoin('door')
      emitter.to('door').emit('heard', i)
      emitter.socketsLeave('door')
    }
  })
  await allHasCome(emitter, clients)
  const expected = Array.from({ length: 50 }, (_, i) => ['heard', i])
  for (const { got } of clients) expect(got).toEqual(expected)
})
