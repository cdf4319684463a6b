import type { Socket } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { collect } from '../support/until.js'
import { modes, NEVER_MS, startThree } from './modes.js'

/** Lets a client answer each `question` with what a function makes of it. */
function answerWith(client: Socket, answer: (...question: unknown[]) => unknown): Socket {
  return client.on('question', (...args) => {
    const acknowledge = args.pop()
    acknowledge(answer(...args))
  })
}

describe.each(modes)('broadcasts with acknowledgements, with $name', (mode) => {
  let cluster: TestCluster
  let a: NodeProcess
  let b: NodeProcess
  let c: NodeProcess
  beforeAll(async () => {
    ;({ cluster, a, b, c } = await startThree({ ...mode.node, namespaces: ['/known'] }))
    await a.run(({ io }) => void io.of('/only-a'))
  })
  afterEach(() => cluster.disconnectClients())
  afterAll(() => cluster.stop())

  const connect = (node: NodeProcess, options: { nsp?: string; rooms?: string[] } = {}) =>
    cluster.connect(node, { ...mode.client, ...options })

  const ask = (
    node: NodeProcess,
    { nsp = '/', rooms = [] as string[], timeoutMs = NEVER_MS, question = [] as unknown[] },
  ) =>
    node.run(
      async ({ io }, { nsp, rooms, timeoutMs, question }) => {
        try {
          const operator = io.of(nsp).to(rooms).timeout(timeoutMs)
          return { responses: await operator.emitWithAck('question', ...question) }
        } catch (error) {
          const { message, responses } = error as Error & { responses: unknown[] }
          return { message, responses }
        }
      },
      { nsp, rooms, timeoutMs, question },
    )

  test('the clients of all nodes acknowledge', async () => {
    answerWith(await connect(a), (x, y) => ['a', x, y])
    answerWith(await connect(b), (x, y) => ['b', x, y])
    answerWith(await connect(b), (x, y) => ['b', x, y])
    answerWith(await connect(c), (x, y) => ['c', x, y])
    const { responses } = await ask(a, { question: [1, { two: 2 }] })
    const from = (name: string) => [name, 1, { two: 2 }]
    expect(responses.toSorted()).toEqual([from('a'), from('b'), from('b'), from('c')])
  })

  test('only the clients of a room are asked', async () => {
    answerWith(await connect(a), () => 'outside')
    answerWith(await connect(b, { rooms: ['room'] }), () => 'inside')
    expect(await ask(a, { rooms: ['room'] })).toEqual({ responses: ['inside'] })
    expect(await ask(b, { rooms: ['room'] })).toEqual({ responses: ['inside'] })
    expect(await ask(c, { rooms: ['room'] })).toEqual({ responses: ['inside'] })
  })

  test('with no client anywhere it resolves at once', async () => {
    expect(await ask(a, {})).toEqual({ responses: [] })
    expect(await ask(a, { rooms: ['nobody'] })).toEqual({ responses: [] })
  })

  test('local asks the clients of the own node only', async () => {
    answerWith(await connect(a), () => 'a')
    answerWith(await connect(b), () => 'b')
    const responses = await a.run(
      ({ io }, timeoutMs) => io.local.timeout(timeoutMs).emitWithAck('question'),
      NEVER_MS,
    )
    expect(responses).toEqual(['a'])
  })

  test('a namespace that other nodes lack is answered for at once', async () => {
    answerWith(await connect(a, { nsp: '/only-a' }), () => 'here')
    expect(await ask(a, { nsp: '/only-a' })).toEqual({ responses: ['here'] })
  })

  test('a namespace without clients here is asked of the other nodes', async () => {
    answerWith(await connect(b, { nsp: '/known' }), () => 'b')
    answerWith(await connect(b), () => 'of another namespace')
    expect(await ask(a, { nsp: '/known' })).toEqual({ responses: ['b'] })
  })

  test('questions and answers may hold binaries', async () => {
    const echo = (question: unknown) => ({ echo: question, own: Buffer.from([0, 255]) })
    for (const node of [a, b, c]) answerWith(await connect(node), echo)
    const { responses } = await ask(a, { question: [Buffer.from('binary')] })
    expect(responses).toHaveLength(3)
    for (const { echo, own } of responses as { echo: Uint8Array; own: Uint8Array }[]) {
      expect(Buffer.from(echo)).toEqual(Buffer.from('binary'))
      expect(Buffer.from(own)).toEqual(Buffer.from([0, 255]))
    }
  })

  test('clients that do not acknowledge make an error with the answers that came', async () => {
    answerWith(await connect(a), () => 'a')
    answerWith(await connect(b), () => 'b')
    collect(await connect(b), 'question')
    collect(await connect(c), 'question')
    const { message, responses } = await ask(a, { timeoutMs: 1_500 })
    expect(message).toBe('operation has timed out')
    expect(responses.toSorted()).toEqual(['a', 'b'])
  })

  test('a client that acknowledges twice counts once', async () => {
    const client = await connect(b)
    client.on('question', (acknowledge) => {
      acknowledge('first')
      acknowledge('second')
    })
    answerWith(await connect(c), () => 'c')
    const { responses } = await ask(a, {})
    expect(responses.toSorted()).toEqual(['c', 'first'])
  })

  test('an acknowledgement of nothing is undefined, and one of null is null', async () => {
    for (const node of [a, b]) {
      const client = await connect(node)
      client.on('question', (acknowledge) => acknowledge())
    }
    const types = (node: NodeProcess) =>
      node.run(
        async ({ io }, timeoutMs) =>
          (await io.timeout(timeoutMs).emitWithAck('question')).map((x: unknown) => String(x)),
        NEVER_MS,
      )
    expect(await types(a)).toEqual(['undefined', 'undefined'])
    answerWith(await connect(b), () => null)
    expect((await types(a)).toSorted()).toEqual(['null', 'undefined', 'undefined'])
  })

  test('many questions at once each get their own answers', async () => {
    for (const node of [a, b, c]) answerWith(await connect(node), (number) => number)
    const asked = [a, b, c].flatMap((node, i) =>
      Array.from({ length: 20 }, async (_, j) => {
        const question = i * 100 + j
        expect(await ask(node, { question: [question] })).toEqual({
          responses: [question, question, question],
        })
      }),
    )
    await Promise.all(asked)
  })

  test('the callback of emit() gets the answers too', async () => {
    answerWith(await connect(b), () => 'b')
    const responses = await a.run(
      ({ io }, timeoutMs) =>
        new Promise((resolve, reject) => {
          io.timeout(timeoutMs).emit('question', (error: Error | null, responses: unknown[]) => {
            if (error) reject(error)
            else resolve(responses)
          })
        }),
      NEVER_MS,
    )
    expect(responses).toEqual(['b'])
  })

  test('a socket of another node acknowledges through its RemoteSocket', async () => {
    const client = answerWith(await connect(b), (x) => ['from b', x])
    answerWith(await connect(b), () => 'of somebody else')
    const response = await a.run(
      async ({ io }, { id, timeoutMs }) => {
        const [socket] = await io.in(id).fetchSockets()
        return socket!.timeout(timeoutMs).emitWithAck('question', 42)
      },
      { id: client.id!, timeoutMs: NEVER_MS },
    )
    expect(response).toEqual(['from b', 42])
  })

  test('a socket of another node that does not acknowledge makes its RemoteSocket fail', async () => {
    const client = await connect(b)
    const message = await a.run(async ({ io }, id) => {
      const [socket] = await io.in(id).fetchSockets()
      return socket!
        .timeout(200)
        .emitWithAck('question')
        .catch((error: Error) => error.message)
    }, client.id!)
    expect(message).toBe('operation has timed out')
  })
})
