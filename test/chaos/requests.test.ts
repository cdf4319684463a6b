import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../support/until.js'
import { count, isLong, tell } from './support/report.js'
import { type Node, Stage, statsOf } from './support/stage.js'

const ROUNDS = isLong ? 20 : 3
/** What others are given to answer. */
const TIMEOUT_MS = 10_000

let stage: Stage
let nodes: Node[]
beforeEach(async () => {
  stage = await Stage.start()
  nodes = await Promise.all(
    ['a', 'b', 'c'].map((name) => stage.addNode(name, { zmq: { requestTimeout: TIMEOUT_MS } })),
  )
  await Promise.all(nodes.map((node) => stage.addClients(node, 1)))
  await stage.settled()
})
afterEach(() => stage.stop())

/** What the other servers and all clients answer to a node, all within the time that they have. */
function ask(node: Node, question: number) {
  return node.run(
    async ({ io }, { question, timeoutMs }) => {
      const began = performance.now()
      const [sockets, acks, replies] = await Promise.all([
        io.fetchSockets(),
        io.timeout(timeoutMs).emitWithAck('question', question),
        io.serverSideEmitWithAck('question', question),
      ])
      const tookMs = performance.now() - began
      return { sockets: sockets.map(({ id }) => id).sort(), acks, replies, tookMs }
    },
    { question, timeoutMs: TIMEOUT_MS },
  )
}

/** Expects that each node was answered by all. */
async function expectAllAnswers(
  asked: Promise<Awaited<ReturnType<typeof ask>>>[],
  question: number,
): Promise<number> {
  const answers = await Promise.all(asked)
  const pids = nodes.map(({ pid }) => pid)
  for (const [i, { sockets, acks, replies }] of answers.entries()) {
    expect(sockets).toHaveLength(nodes.length)
    expect(sockets).toEqual(answers[0]!.sockets)
    expect(acks.toSorted()).toEqual(nodes.map(({ name }) => `${question} to client 1 of ${name}`))
    const others = pids.filter((pid) => pid !== pids[i])
    expect(replies.toSorted()).toEqual(others.map((pid) => `${question} to ${pid}`).toSorted())
  }
  return Math.max(...answers.map(({ tookMs }) => tookMs))
}

test('what is asked just before the broker dies, or while it is away, is answered in time by all', {
  timeout: 300_000,
}, async () => {
  let longestMs = 0
  let question = 0
  const asking = () => {
    question++
    return nodes.map((node) => ask(node, question))
  }
  const haveAsked = () => Promise.all(nodes.map((node) => node.run(() => {})))
  const ways: (() => Promise<Promise<Awaited<ReturnType<typeof ask>>>[]>)[] = [
    async () => {
      const asked = asking()
      await haveAsked()
      await stage.killBroker()
      return asked
    },
    async () => {
      const dead = stage.killBroker()
      const asked = asking()
      await dead
      return asked
    },
    async () => {
      await stage.killBroker()
      await stage.linksAreDown()
      const asked = asking()
      await haveAsked()
      return asked
    },
  ]
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ways) {
      const asked = await way()
      await stage.restartBroker()
      longestMs = Math.max(longestMs, await expectAllAnswers(asked, question))
      await stage.settled()
    }
  }
  for (const node of nodes) {
    await until(async () => (await node.run(({ zmq }) => zmq.stats().requestsOpen)) === 0)
    expect(await statsOf(node)).toMatchObject({
      link: 'up',
      members: 2,
      messagesHeld: 0,
      messagesDropped: 0,
      framesLost: 0,
      framesHeldBack: 0,
    })
  }
  tell(
    `${count(question * nodes.length * 3)} requests, asked just before and during outages: ` +
      `all answered in full, the slowest after ${count(longestMs)} ms`,
  )
})
