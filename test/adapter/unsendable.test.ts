import { Server } from 'socket.io'
import type { Socket } from 'socket.io-client'
import * as msgpackParser from 'socket.io-msgpack-parser'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type NodeProcess, TestCluster } from '../support/cluster.js'
import { collect, until } from '../support/until.js'

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
    cluster = await TestCluster.start(2, { msgpack, zmq: { requestTimeout: 1_000 } })
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

  test('data of a socket that cannot be sent is an error event where the socket is', async () => {
    await b.run(({ io }, id) => {
      const { data } = io.sockets.sockets.get(id)!
      data.self = data
    }, clients[1]!.id!)
    const message = await a.run(({ io }) =>
      io.fetchSockets().then(
        () => 'answered',
        (error: Error) => error.message,
      ),
    )
    expect(message).toContain('timeout reached: missing 1 responses out of 1')
    expect(await errorsOf(b)).toHaveLength(1)
    expect(await errorsOf(a)).toEqual([])
    // and both go on
    await b.run(({ io }, id) => {
      io.sockets.sockets.get(id)!.data = {}
    }, clients[1]!.id!)
    expect(await a.run(async ({ io }) => (await io.fetchSockets()).length)).toBe(2)
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
    expect(here).toEqual(['before', 'x'.repeat(20_000), 'after'])
    expect(got).toEqual(Array(2).fill(['before', 'after']))
    expect(await errorsOf(small)).toEqual(['MessageTooLargeError'])
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
