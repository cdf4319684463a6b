import { afterAll, beforeAll, expect, test } from 'vitest'
import { packed, type RawSender } from '../support/raw.js'
import { broadcast, CONTROL, EVERYONE, range, Siege } from '../support/siege.js'
import { until } from '../support/until.js'

let siege: Siege
let attacker: RawSender
/** The names of the nodes, which anyone can see. */
let uids: string[]
beforeAll(async () => {
  siege = await Siege.start()
  attacker = await siege.attacker('XPublisher')
  uids = siege.nodeTopics.map((topic) => topic.slice(-16))
})
afterAll(() => siege.stop())

const statsOf = (index: number) => siege.nodes[index]!.run(({ zmq }) => zmq.stats())

/** A frame in somebody's name. */
const forged = (uid: string, seq: number, ...messages: unknown[]) =>
  packed([1, uid, seq], ...messages)

test('a numbered frame that cannot be read is passed over, and what follows comes at once', async () => {
  const garbled = Buffer.from('9303a12fdf', 'hex')
  const own = siege.nodeTopics[0]!
  const before = await statsOf(0)
  await siege.survive(attacker, [{ framesMalformed: 4 }, { framesMalformed: 3 }], async () => {
    await attacker.say(EVERYONE, garbled)
    await attacker.say(EVERYONE, garbled)
    await attacker.say(own, garbled)
    // and one that was missed, and is said again
    const missed = [attacker.skip(EVERYONE), attacker.skip(EVERYONE)] as const
    await attacker.say(EVERYONE, broadcast('knock'))
    await attacker.sayUnnumbered(EVERYONE, [36, EVERYONE, attacker.frame(missed[0], garbled)])
    await attacker.sayUnnumbered(EVERYONE, [36, EVERYONE, attacker.frame(missed[1])])
  })
  const after = await statsOf(0)
  expect(after).toMatchObject({ framesLost: before.framesLost, framesHeldBack: 0 })
})

test('frames of a seq far ahead in the name of a node do not silence it', async () => {
  for (const ahead of [2, 1_000, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER - 1_000]) {
    await siege.survive(attacker, {}, async () => {
      for (const uid of uids) {
        for (const topic of [EVERYONE, ...siege.nodeTopics]) {
          await attacker.send(topic, forged(uid, 100 + ahead, broadcast('smuggled')))
        }
      }
    })
  }
  await expectNothingLost()
})

test('digests in the name of a node do not silence it, whatever they tell', async () => {
  for (const last of [0, 1_000, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    await siege.survive(attacker, {}, async () => {
      for (const uid of uids) {
        for (const topic of [EVERYONE, ...siege.nodeTopics]) {
          for (const ageMs of [0, 2 ** 40]) {
            await attacker.send(CONTROL, forged(uid, 0, [35, topic, last, ageMs]))
          }
        }
      }
    })
  }
  await expectNothingLost()
})

test('frames are not lost because somebody else says that they are gone, or were not sent', async () => {
  await siege.survive(attacker, {}, async () => {
    for (const uid of uids) {
      for (const topic of siege.nodeTopics) {
        for (const about of [EVERYONE, topic]) {
          const huge = Number.MAX_SAFE_INTEGER
          await attacker.send(topic, forged(uid, 0, [34, about, 1, 1], [34, about, 1, huge]))
          await attacker.send(topic, forged(uid, 0, [41, about, 0], [41, about, huge]))
        }
      }
    }
  })
  await expectNothingLost()
  for (const i of [0, 1]) expect((await statsOf(i)).refused.notAskedFor).toBeGreaterThan(0)
})

test('a flood of requests for repairs brings no flood of repairs', async () => {
  const [a] = siege.nodes
  await a!.run(({ io }) => void io.to('nobody').emit('large', 'x'.repeat(1_000_000)))
  await siege.expectOnlyGood(attacker)
  const before = await statsOf(0)
  await siege.survive(attacker, {}, async () => {
    for (const _ of range(1, 1_000)) {
      const nak = [33, EVERYONE, 1, Number.MAX_SAFE_INTEGER]
      await attacker.send(siege.nodeTopics[0]!, forged(uids[1]!, 0, nak))
      await attacker.sayUnnumbered(siege.nodeTopics[0]!, nak)
    }
  })
  const after = await statsOf(0)
  expect(after.refused.stranger - before.refused.stranger).toBe(1_000)
  expect(after.refused.askedTooOften - before.refused.askedTooOften).toBeGreaterThan(0)
  // it is no use to count the milliseconds of a busy machine; without a bound it would be all of them
  const kept = after.framesSent - before.framesSent
  expect(kept).toBeLessThan(1_000 * 10)
})

test('a million topics in digests, and questions without end, are survived', async () => {
  await siege.survive(attacker, {}, async () => {
    const digests = Buffer.concat(range(1, 50_000).map((i) => packed([35, `topic ${i}`, i, i])))
    for (const _ of range(1, 20)) await attacker.sayUnnumbered(CONTROL, digests)
    for (const i of range(1, 20_000)) {
      await attacker.send(CONTROL, forged(String(i).padStart(16), 0, [37]))
    }
  })
})

test('numbered frames where only control messages are said are refused', async () => {
  await siege.survive(attacker, { framesMalformed: 2 }, async () => {
    await attacker.say(CONTROL, broadcast('smuggled'))
    await attacker.sayUnnumbered(EVERYONE, [36, CONTROL, attacker.frame(5, broadcast('smuggled'))])
  })
})

test('frames in a node’s own name are passed over by it', async () => {
  const before = await statsOf(0)
  await siege.survive(attacker, {}, async () => {
    const own = siege.nodeTopics[0]!
    await attacker.send(own, forged(uids[0]!, 0, [33, EVERYONE, 1, 1], broadcast('smuggled')))
    await attacker.send(own, forged(uids[0]!, 7, broadcast('smuggled')))
  })
  const after = await statsOf(0)
  expect(after.refused.ownName - before.refused.ownName).toBe(3)
})

async function expectNothingLost(): Promise<void> {
  for (const i of [0, 1]) {
    await until(async () => (await statsOf(i)).framesHeldBack === 0)
    expect((await statsOf(i)).framesLost).toBe(0)
  }
}
