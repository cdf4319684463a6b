import { BUCKETS } from 'socket.io-zeromq-emitter/bus'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packed, type RawSender } from '../support/raw.js'
import { broadcast, CONTROL, EVERYONE, Siege } from '../support/siege.js'
import { strangeBut } from '../support/strange.js'

let siege: Siege
let attacker: RawSender
beforeAll(async () => {
  siege = await Siege.start()
  attacker = await siege.attacker('XPublisher')
})
afterAll(() => siege.stop())

test('control messages with a field that is not what it should be are refused', async () => {
  // what it says of its own frames may silence it
  const liar = await siege.attacker('XPublisher')
  const notTopic = strangeBut('text')
  const notNumber = [...strangeBut('number'), -1, 1.5, 2 ** 64]
  const messages: unknown[][] = [
    // marks, probes
    ...[32, 38].flatMap((type) => [[type], [type, 1, 2], ...notNumber.map((n) => [type, n])]),
    // requests for repairs, and what is gone
    ...[33, 34].flatMap((type) => [
      [type],
      [type, EVERYONE, 1],
      [type, EVERYONE, 1, 2, 3],
      [type, EVERYONE, 0, 1],
      [type, EVERYONE, 2, 1],
      ...notTopic.map((topic) => [type, topic, 1, 1]),
      ...notNumber.flatMap((n) => [
        [type, EVERYONE, n, 1],
        [type, EVERYONE, 1, n],
      ]),
    ]),
    // digests
    ...[[35], [35, EVERYONE, 1], [35, EVERYONE, 1, 1, 1, 1]],
    ...notTopic.map((topic) => [35, topic, 1, 1]),
    ...notNumber.flatMap((n) => [
      [35, EVERYONE, n, 1],
      [35, EVERYONE, 1, n],
      [35, EVERYONE, 1, 1, n],
    ]),
    // repairs
    ...[[36], [36, EVERYONE], [36, EVERYONE, Buffer.alloc(0), 1]],
    ...notTopic.map((topic) => [36, topic, liar.frame(1_000_000)]),
    ...strangeBut('binary').map((body) => [36, EVERYONE, body]),
    ...repairs(liar).map((body) => [36, EVERYONE, body]),
    ...['socket.io/other', 'socket.io/b/x00'].map((topic) => [
      36,
      topic,
      liar.frame(1_000_000, broadcast('smuggled')),
    ]),
    // requests for digests
    ...[
      [37, 1],
      [37, EVERYONE],
      [37, EVERYONE, 1, 1],
    ],
    ...notTopic.map((topic) => [37, topic, 1]),
    ...notNumber.map((n) => [37, EVERYONE, n]),
    // who follows which buckets
    ...[
      [39],
      [39, 1],
      [39, [], 1],
      [39, Buffer.alloc(BUCKETS / 8 - 1)],
      [39, [BUCKETS]],
      [39, Array(BUCKETS + 1).fill(0)],
    ],
    ...notNumber.map((n) => [39, [n]]),
    // digests of buckets
    ...[
      [40],
      [40, 1],
      [40, 1, 1],
      [40, 1, [], 1],
      [40, 1, [0, 1]],
      [40, 1, [BUCKETS, 1, 1]],
      [40, 1, Array(3 * (BUCKETS + 1)).fill(1)],
    ],
    ...notNumber.flatMap((n) => [
      [40, n, []],
      [40, 1, [n, 1, 1]],
      [40, 1, [1, n, 1]],
      [40, 1, [1, 1, n]],
    ]),
    // what was not sent
    ...[[41], [41, EVERYONE], [41, EVERYONE, 1, 1]],
    ...notTopic.map((topic) => [41, topic, 1]),
    ...notNumber.map((n) => [41, EVERYONE, n]),
  ]
  await siege.survive(attacker, { framesMalformed: messages.length }, async () => {
    for (const message of messages) await liar.sayUnnumbered(EVERYONE, message)
  })
})

/** Bodies that are no repair of a frame of the liar's. */
function repairs(liar: RawSender): Buffer[] {
  const smuggled = broadcast('smuggled')
  return [
    Buffer.alloc(0),
    Buffer.from('nonsense'),
    liar.frame(0, smuggled),
    packed([1, siege.nodeTopics[0]!.slice(-16), 1_000_000], smuggled),
    packed([1, '0'.repeat(16), 1], smuggled),
    liar.frame(1_000_000, smuggled).subarray(0, -1),
    liar.frame(1_000_001, smuggled, 'no message'),
  ]
}

test('control messages that lie disturb nobody but the liar', async () => {
  const liar = await siege.attacker('XPublisher')
  const huge = Number.MAX_SAFE_INTEGER
  const topics = [EVERYONE, CONTROL, ...siege.nodeTopics, 'socket.io/b/000', 'nowhere', '']
  await siege.survive(attacker, {}, async () => {
    for (const where of [EVERYONE, CONTROL, ...siege.nodeTopics, siege.emitterTopic]) {
      for (const topic of topics) {
        await liar.sayUnnumbered(
          where,
          [33, topic, 1, 1],
          [33, topic, 1, huge],
          [33, topic, huge, huge],
        )
        await liar.sayUnnumbered(where, [34, topic, 1, 1], [34, topic, 1, huge])
        await liar.sayUnnumbered(
          where,
          [35, topic, 0, 0],
          [35, topic, 7, huge],
          [35, topic, huge, 0],
        )
        await liar.sayUnnumbered(where, [37, topic, 0], [37, topic, 7], [37, topic, huge])
        await liar.sayUnnumbered(where, [41, topic, 0], [41, topic, huge])
      }
      const stands = [0, huge, 0, 0, 7, huge, BUCKETS - 1, 1, 1]
      await liar.sayUnnumbered(
        where,
        [39, []],
        [39, Buffer.alloc(BUCKETS / 8)],
        [40, 0, stands],
        [40, huge, stands],
      )
      // marks and probes are heard only from oneself
      await liar.sayUnnumbered(where, [32, 0], [32, 1], [32, huge], [38, 0], [38, 1], [38, huge])
      for (let i = 0; i < 100; i++) await liar.sayUnnumbered(where, [37])
    }
  })
  // the nodes' own requests, flushes and answers go their way
  for (const node of siege.nodes) {
    expect(await node.run(async ({ io }) => (await io.fetchSockets()).length)).toBe(2)
    expect(await node.run(({ zmq }) => zmq.stats())).toMatchObject({ link: 'up', members: 1 })
  }
  await siege.emitter.run(({ emitter }) => {
    emitter.to('nobody').emit('hello')
    return emitter.flush()
  })
})
