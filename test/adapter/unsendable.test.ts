import { Server } from 'socket.io'
import type { Socket } from 'socket.io-client'
import * as msgpackParser from 'socket.io-msgpack-parser'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, until } from '../support/until.js'
import { NEVER_MS } from './modes.js'

describe.each([
  { name: 'the default parser', msgpack: false },
  { name: 'socket.io-msgpack-parser', msgpack: true },
])('what cannot be sent, with $name', ({ msgpack }) => {
  const parser = msgpack ? { parser: msgpackParser } : {}
  const inMemory = new Server(parser)
  let cluster: TestCluster
  let a: NodeProcess
  let b: NodeProcess
  let clients: Socket[]
  let got: unknown[][]

  beforeAll(async () => {
    cluster = await TestCluster.start(2, { msgpack, zmq: { requestTimeout: NEVER_MS } })
    ;[a, b] = cluster.nodes as [NodeProcess, NodeProcess]
    for (const node of [a, b]) {
      await node.run(({ zmq, kept }) => {
        const errors: string[] = []
        kept.errors = errors
        zmq.on('error', (error) => errors.push(`${error.name}: ${error.message}`))
      })
    }
  })
  afterAll(() => cluster.stop())
  beforeEach(async () => {
    for (const node of [a, b]) {
      await node.run(({ kept }) => {
        ;(kept.errors as string[]).length = 0
      })
    }
    clients = [await cluster.connect(a, parser), await cluster.connect(b, parser)]
    got = clients.map((client) => collect(client, 'news'))
  })
  afterEach(() => cluster.disconnectClients())

  const errorsOf = (node: NodeProcess) => node.run(({ kept }) => kept.errors as string[])

  const circular = () => {
    const value: Record<string, unknown> = {}
    value.value = value
    return value
  }
  const bigint = () => ({ big: 1n })

  test.each([
    ['circular data', circular],
    ['a BigInt', bigint],
  ])(
    'emit() throws on %s what it throws without an adapter, and nobody gets anything',
    async (_, make) => {
      const expected = (() => {
        try {
          inMemory.emit('news', make())
        } catch (error) {
          return String(error)
        }
        return undefined
      })()
      expect(expected).toBeDefined()
      const thrown = await a.run(({ io }, make) => {
        const value = new Function(`return (${make})`)()()
        const catching = (emit: () => unknown) => {
          try {
            emit()
          } catch (error) {
            return String(error)
          }
          return undefined
        }
        const thrown = [
          catching(() => io.emit('news', value)),
          catching(() => io.to('room').emit('news', value)),
          catching(() => io.local.emit('news', value)),
        ]
        io.emit('news', 'fine')
        return thrown
      }, make.toString())
      expect(thrown).toEqual([expected, expected, expected])
      await cluster.heard(a, ...clients)
      expect(got).toEqual([['fine'], ['fine']])
      expect(await errorsOf(a)).toEqual([])
    },
  )

  test('serverSideEmit() of such data is an error event, and what is said around it arrives', async () => {
    await b.run(({ io, kept }) => {
      const said: unknown[] = []
      kept.said = said
      io.on('said' as never, ((value: unknown) => said.push(value)) as never)
    })
    await a.run(({ io }) => {
      const circular: Record<string, unknown> = {}
      circular.value = circular
      io.serverSideEmit('said', 'before')
      io.serverSideEmit('said', circular)
      io.serverSideEmit('said', 'after')
      io.emit('news', 'after')
    })
    await cluster.heard(a, ...clients)
    expect(await b.run(({ kept }) => kept.said)).toEqual(['before', 'after'])
    expect(got).toEqual([['after'], ['after']])
    expect(await errorsOf(a)).toHaveLength(1)
    expect(await errorsOf(b)).toEqual([])
  })

  test('a socket whose data cannot be sent is left out, and is an error event where it is', async () => {
    const third = await cluster.connect(b, parser)
    await b.run(({ io }, id) => {
      const { data } = io.sockets.sockets.get(id)!
      data.self = data
    }, clients[1]!.id!)
    const fetched = () => a.run(async ({ io }) => (await io.fetchSockets()).map(({ id }) => id))
    expect((await fetched()).sort()).toEqual([clients[0]!.id, third.id].sort())
    const [error, ...others] = await errorsOf(b)
    expect(error).toContain(`AnswerError: fetchSockets()`)
    expect(error).toContain(`${clients[1]!.id} (its data: cannot send data`)
    expect(others).toEqual([])
    expect(await errorsOf(a)).toEqual([])
    // and both go on
    await b.run(({ io }, id) => {
      io.sockets.sockets.get(id)!.data = {}
    }, clients[1]!.id!)
    expect(await fetched()).toHaveLength(3)
  })

  test('a client whose handshake nests deeper than can be sent hides no other socket', async () => {
    const deep = await b.run(({ io }, id) => {
      let value: unknown = 'bottom'
      for (let i = 0; i < 2_000; i++) value = [value]
      // what a client sends as its auth stands here
      io.sockets.sockets.get(id)!.handshake.auth = { value }
      return id
    }, clients[1]!.id!)
    const other = await cluster.connect(b, parser)
    const ids = await a.run(async ({ io }) => (await io.fetchSockets()).map(({ id }) => id))
    expect(ids.sort()).toEqual([clients[0]!.id, other.id].sort())
    expect((await errorsOf(b)).join()).toContain(`${deep} (its handshake: cannot send data`)
  })

  test('serverSideEmit() rejects where another server cannot send its acknowledgement', async () => {
    await b.run(({ io }) => {
      io.on('count' as never, ((answer: (value: unknown) => void) => answer(1n)) as never)
    })
    const [message, responses] = await a.run(({ io }) =>
      (io.serverSideEmitWithAck as (event: string) => Promise<unknown[]>)('count').then(
        (answers) => ['answered', answers] as const,
        (error) => [`${error.name}: ${error.message}`, error.responses] as const,
      ),
    )
    expect(message).toMatch(/^AnswerError: server \w{16} could not send its answer: .*bigint/)
    expect(responses).toEqual([])
    expect(await errorsOf(b)).toHaveLength(1)
    expect(await errorsOf(a)).toEqual([])
  })

  test('a request that cannot be sent itself rejects at once', async () => {
    const message = await a.run(({ io }) =>
      (io.serverSideEmitWithAck as (event: string, value: unknown) => Promise<unknown[]>)(
        'count',
        1n,
      ).then(
        () => 'answered',
        (error) => `${error.message}`,
      ),
    )
    expect(message).toContain('bigint')
    expect(await a.run(({ zmq }) => zmq.stats().requestsOpen)).toBe(0)
  })

  test('an acknowledgement of a client that cannot be sent counts as one without a value', async () => {
    let deep: unknown = 'bottom'
    for (let i = 0; i < 1_000; i++) deep = [deep]
    clients[0]!.on('question', (answer) => answer('fine'))
    clients[1]!.on('question', (answer) => answer(deep))
    const answers = await a.run(
      ({ io }, timeout) => io.timeout(timeout).emitWithAck('question'),
      NEVER_MS,
    )
    expect(answers.length).toBe(2)
    expect(answers).toContain('fine')
    for (const node of [a, b]) {
      const errors = await errorsOf(node)
      expect(errors).toHaveLength(1)
      expect(errors[0]).toContain('AnswerError: ')
    }
  })

  test('a message that is too large for others reaches the own clients, and is an error event', async () => {
    const small = await cluster.startNode({
      msgpack,
      zmq: { maxMessageBytes: 10_000 },
    })
    await cluster.settled()
    const client = await cluster.connect(small, parser)
    const here = collect(client, 'news')
    await small.run(({ io, zmq, kept }) => {
      const errors: string[] = []
      kept.errors = errors
      zmq.on('error', (error) => errors.push(error.name))
      io.emit('news', 'before')
      io.emit('news', 'x'.repeat(20_000))
      io.emit('news', 'after')
    })
    await cluster.heard(small, client, ...clients)
    // nor does it wait for their acknowledgements
    client.on('question', (_, answer) => answer('mine'))
    const answers = await small.run(
      ({ io }, timeout) => io.timeout(timeout).emitWithAck('question', 'x'.repeat(20_000)),
      NEVER_MS,
    )
    expect(answers).toEqual(['mine'])
    expect(here).toEqual(['before', 'x'.repeat(20_000), 'after'])
    expect(got).toEqual(Array(2).fill(['before', 'after']))
    expect(await errorsOf(small)).toEqual(Array(2).fill('MessageTooLargeError'))
    await cluster.killNode(small)
    await cluster.settled()
  })

  test('without a listener for errors there is a warning, and no crash', async () => {
    const node = await cluster.startNode({ msgpack })
    await cluster.settled()
    await node.run(({ io }) => {
      const circular: Record<string, unknown> = {}
      circular.value = circular
      io.serverSideEmit('said', circular)
      io.emit('news', 'still alive')
    })
    await cluster.heard(node, ...clients)
    expect(got).toEqual([['still alive'], ['still alive']])
    await until(() => node.stderr.includes('Warning') || node.stderr.includes('RangeError'))
    await cluster.killNode(node)
    await cluster.settled()
  })

  test('a listener of another node that throws stops neither that node nor other messages', async () => {
    await b.run(({ io }) => {
      io.on(
        'thrower' as never,
        (() => {
          throw new Error('a mistake of the user')
        }) as never,
      )
    })
    await a.run(({ io }) => {
      io.serverSideEmit('thrower')
      io.emit('news', 'after')
    })
    await cluster.heard(a, ...clients)
    expect(got).toEqual([['after'], ['after']])
    expect(await errorsOf(b)).toEqual(['Error: a mistake of the user'])
  })
})
