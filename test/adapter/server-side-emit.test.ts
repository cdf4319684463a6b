import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { startThree } from './modes.js'

let cluster: TestCluster
let a: NodeProcess
let b: NodeProcess
let c: NodeProcess
beforeAll(async () => {
  ;({ cluster, a, b, c } = await startThree({ namespaces: ['/known'] }))
  await a.run(({ io }) => void io.of('/lacking-on-c'))
  await b.run(({ io }) => void io.of('/lacking-on-c'))
})
afterAll(() => cluster.stop())

// each node keeps what it hears
beforeEach(async () => {
  for (const node of [a, b, c]) {
    await node.run(({ io, kept }) => {
      const heard: unknown[] = []
      kept.heard = heard
      for (const nsp of io._nsps.values()) {
        nsp.on('said' as never, ((...args: unknown[]) => heard.push([nsp.name, ...args])) as never)
      }
    })
  }
})
afterEach(async () => {
  for (const node of [a, b, c]) {
    await node.run(({ io }) => {
      for (const nsp of io._nsps.values()) {
        nsp.removeAllListeners('said' as never)
        nsp.removeAllListeners('question' as never)
      }
    })
  }
})

const heard = (node: NodeProcess) => node.run(({ kept }) => kept.heard as unknown[])

/** Waits until all nodes have taken up what a node has said, and returns what they have heard. */
async function allHeard(from: NodeProcess): Promise<unknown[][]> {
  await from.run(async ({ io }) => void (await io.fetchSockets()))
  return Promise.all([a, b, c].map(heard))
}

/** Lets a node answer each question with its name and what it was asked. */
const answerAs = (node: NodeProcess, name: string, nsp = '/') =>
  node.run(
    ({ io }, { name, nsp }) => {
      io.of(nsp).on(
        'question' as never,
        ((...args: unknown[]) => {
          const answer = args.pop() as (answer: unknown) => void
          answer([name, ...args])
        }) as never,
      )
    },
    { name, nsp },
  )

const ask = (node: NodeProcess, nsp = '/', ...question: unknown[]) =>
  node.run(
    async ({ io }, { nsp, question }) => {
      try {
        return { responses: await io.of(nsp).serverSideEmitWithAck('question', ...question) }
      } catch (error) {
        const { message, responses } = error as Error & { responses: unknown[] }
        return { message, responses }
      }
    },
    { nsp, question },
  )

test('reaches all other servers and not the one that emits', async () => {
  await a.run(({ io }) => io.serverSideEmit('said', 1, 'two', { three: [3] }))
  const expected = [['/', 1, 'two', { three: [3] }]]
  expect(await allHeard(a)).toEqual([[], expected, expected])
})

test('arrives in the order in which it was said, among broadcasts too', async () => {
  await a.run(({ io }) => {
    for (let i = 0; i < 500; i++) {
      io.serverSideEmit('said', i)
      io.emit('between')
    }
  })
  const expected = Array.from({ length: 500 }, (_, i) => ['/', i])
  expect(await allHeard(a)).toEqual([[], expected, expected])
})

test('is heard in its own namespace only', async () => {
  await b.run(({ io }) => {
    io.of('/known').serverSideEmit('said', 'in /known')
    io.of('/lacking-on-c').serverSideEmit('said', 'in /lacking-on-c')
    io.of('/known').serverSideEmit('said', 'again')
  })
  const inKnown = [
    ['/known', 'in /known'],
    ['/known', 'again'],
  ]
  const [onA, onB, onC] = await allHeard(b)
  expect(onA).toEqual([inKnown[0], ['/lacking-on-c', 'in /lacking-on-c'], inKnown[1]])
  expect(onB).toEqual([])
  expect(onC).toEqual(inKnown)
})

test('keeps binaries and dates', async () => {
  await a.run(({ io }) => io.serverSideEmit('said', Buffer.from([0, 255]), new Date(7), [null]))
  const [, onB] = await allHeard(a)
  const [[, bytes, date, array]] = onB as [[string, Uint8Array, Date, unknown]]
  expect(Buffer.from(bytes)).toEqual(Buffer.from([0, 255]))
  expect(date).toEqual(new Date(7))
  expect(array).toEqual([null])
})

test('gets the acknowledgements of all other servers', async () => {
  await answerAs(a, 'a')
  await answerAs(b, 'b')
  await answerAs(c, 'c')
  const { responses } = await ask(a, '/', 1, { two: Buffer.from('2').toString() })
  expect(responses.toSorted()).toEqual([
    ['b', 1, { two: '2' }],
    ['c', 1, { two: '2' }],
  ])
})

test('a server without the namespace is not waited for, and not among the answers', async () => {
  await answerAs(b, 'b', '/lacking-on-c')
  expect(await ask(a, '/lacking-on-c')).toEqual({ responses: [['b']] })
})

test('a namespace that no other server has is answered for at once', async () => {
  await c.run(({ io }) => void io.of('/only-c'))
  expect(await ask(c, '/only-c')).toEqual({ responses: [] })
})

test('a server that acknowledges twice counts once', async () => {
  await answerAs(b, 'b')
  await c.run(({ io }) => {
    io.on(
      'question' as never,
      ((answer: (answer: unknown) => void) => {
        answer('first')
        answer('second')
      }) as never,
    )
  })
  const { responses } = await ask(a)
  expect(responses).toHaveLength(2)
  expect(responses).toEqual(expect.arrayContaining([['b'], 'first']))
})

test('an acknowledgement that never comes makes an error with those that came', async () => {
  const impatient = await cluster.startNode({ zmq: { requestTimeout: 2_000 } })
  await cluster.settled()
  await answerAs(a, 'a')
  await answerAs(c, 'c')
  const { message, responses } = await ask(impatient)
  const silent = await b.run(({ io }) => (io.of('/').adapter as unknown as { uid: string }).uid)
  expect(message).toContain('missing 1 responses out of 3 within 2000 ms')
  expect(message).toContain(silent)
  expect(responses.toSorted()).toEqual([['a'], ['c']])
  await cluster.killNode(impatient)
  await cluster.settled()
})
