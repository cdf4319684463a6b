import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type EmitterProcess, TestCluster } from '../support/cluster.js'
import { allHasCome, Listener } from '../support/listener.js'

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

/** On each of the two nodes a client in each of these groups of rooms, by node. */
async function clientsIn(...groups: string[][]): Promise<[Listener[], Listener[]]> {
  const [a, b] = await Promise.all(
    cluster.nodes.map((node) =>
      Promise.all(groups.map((rooms) => Listener.connect(cluster, node, { rooms }))),
    ),
  )
  listeners.push(...a!, ...b!)
  return [a!, b!]
}

/** Runs a function at the emitter, and returns what the listeners got by it. */
async function emitting(fn: Parameters<EmitterProcess['run']>[0]): Promise<void> {
  await emitter.run(fn)
  await allHasCome(emitter, listeners)
}

test('emit reaches every client of every server', async () => {
  await clientsIn([], ['room'])
  await emitting(({ emitter }) => {
    emitter.emit('hello', 'world', { n: 1 }, [2, null], true)
  })
  for (const { got } of listeners) {
    expect(got).toEqual([['hello', 'world', { n: 1 }, [2, null], true]])
  }
})

test('emit needs no arguments', async () => {
  await clientsIn([])
  await emitting(({ emitter }) => {
    emitter.emit('hello')
  })
  for (const { got } of listeners) expect(got).toEqual([['hello']])
})

test.each(['to', 'in'] as const)(
  '%s reaches the clients in the room, and no others',
  async (method) => {
    const nodes = await clientsIn(['red'], ['blue'], [])
    await emitter.run(({ emitter }, method) => {
      emitter[method]('red').emit('hello', method)
    }, method)
    await allHasCome(emitter, listeners)
    for (const [red, blue, none] of nodes) {
      expect(red!.got).toEqual([['hello', method]])
      expect(blue!.got).toEqual([])
      expect(none!.got).toEqual([])
    }
  },
)

test('a room that is on one server only is reached there', async () => {
  const [a, b] = cluster.nodes
  const here = await Listener.connect(cluster, a!, { rooms: ['only here'] })
  const there = await Listener.connect(cluster, b!, { rooms: ['only there'] })
  listeners.push(here, there)
  await emitting(({ emitter }) => {
    emitter.to('only there').emit('hello', 'there')
    emitter.to('nowhere').emit('hello', 'nowhere')
  })
  expect(here.got).toEqual([])
  expect(there.got).toEqual([['hello', 'there']])
})

test('a socket’s id is a room of its own', async () => {
  const [[a], [b]] = await clientsIn([])
  await emitter.run(({ emitter }, id) => {
    emitter.to(id).emit('hello', 'you')
  }, b!.client.id as string)
  await allHasCome(emitter, listeners)
  expect(a!.got).toEqual([])
  expect(b!.got).toEqual([['hello', 'you']])
})

test('a client in several of the rooms gets the event once', async () => {
  const nodes = await clientsIn(['red', 'blue', 'green'], ['blue'], ['yellow'])
  await emitting(({ emitter }) => {
    emitter.to('red').to('blue').emit('chained')
    emitter.to(['green', 'red', 'blue']).emit('listed')
  })
  for (const [all, blue, yellow] of nodes) {
    expect(all!.got).toEqual([['chained'], ['listed']])
    expect(blue!.got).toEqual([['chained'], ['listed']])
    expect(yellow!.got).toEqual([])
  }
})

test('except leaves out the clients in a room, or in any of several', async () => {
  const nodes = await clientsIn(['red'], ['red', 'blue'], ['red', 'green'], [])
  await emitting(({ emitter }) => {
    emitter.except('blue').emit('everyone else')
    emitter.to('red').except(['blue', 'green']).emit('red alone')
    emitter.to('red').except('blue').except('green').emit('red alone again')
    emitter.to('red').except('red').emit('nobody')
  })
  for (const [red, blue, green, none] of nodes) {
    expect(red!.got).toEqual([['everyone else'], ['red alone'], ['red alone again']])
    expect(blue!.got).toEqual([])
    expect(green!.got).toEqual([['everyone else']])
    expect(none!.got).toEqual([['everyone else']])
  }
})

test('of reaches the clients of that namespace only, with or without its slash', async () => {
  const main = await Promise.all(cluster.nodes.map((node) => Listener.connect(cluster, node)))
  const chat = await Promise.all(
    cluster.nodes.map((node) => Listener.connect(cluster, node, { nsp: '/chat', rooms: ['room'] })),
  )
  listeners.push(...main, ...chat)
  await emitting(({ emitter }) => {
    emitter.of('/chat').emit('to chat')
    emitter.of('chat').to('room').emit('to its room')
    emitter.of('/').emit('to the main one')
    emitter.of('/nobody/has/it').emit('to nobody')
  })
  for (const { got } of main) expect(got).toEqual([['to the main one']])
  for (const { got } of chat) expect(got).toEqual([['to chat'], ['to its room']])
})

test('an operator never changes the one that it came from', async () => {
  const nodes = await clientsIn(['red'], ['blue'], ['red', 'green'], [])
  await emitting(({ emitter }) => {
    const red = emitter.to('red')
    // each of these makes another operator, and is thrown away
    red.to('blue')
    red.in(['blue'])
    red.except('green')
    red.volatile.compress(false)
    emitter.except('red')
    red.emit('red')
    red.emit('red twice')
    emitter.emit('everyone')
  })
  for (const [red, blue, green, none] of nodes) {
    expect(red!.got).toEqual([['red'], ['red twice'], ['everyone']])
    expect(blue!.got).toEqual([['everyone']])
    expect(green!.got).toEqual([['red'], ['red twice'], ['everyone']])
    expect(none!.got).toEqual([['everyone']])
  }
})

test('an emitter’s messages come in the order in which they were emitted', async () => {
  await clientsIn(['red'])
  await emitting(async ({ emitter }) => {
    for (let i = 0; i < 1000; i++) {
      if (i % 2 === 0) emitter.emit('count', i)
      else emitter.to('red').emit('count', i)
      // some in one frame, some in frames of their own
      if (i % 97 === 0) await new Promise(setImmediate)
    }
  })
  const expected = Array.from({ length: 1000 }, (_, i) => ['count', i])
  for (const { got } of listeners) expect(got).toEqual(expected)
})

test('clusters of different keys on one broker do not hear each other', async () => {
  const other = await cluster.startEmitter({ key: 'other' })
  await clientsIn([])
  await other.run(async ({ emitter }) => {
    emitter.emit('hello', 'from the other')
    await emitter.close()
  })
  await emitting(({ emitter }) => {
    emitter.emit('hello', 'from our own')
  })
  for (const { got } of listeners) expect(got).toEqual([['hello', 'from our own']])
})
