import { afterEach, beforeEach, expect, test } from 'vitest'
import { topicOfRoom } from '../support/mode.js'
import { freePort } from '../support/ports.js'
import { until } from '../support/until.js'
import { LOAD_ROOM } from './support/load.js'
import { count, isLong, tell } from './support/report.js'
import { type Node, Stage, statsOf } from './support/stage.js'
import { Tunnel } from './support/tunnel.js'

const JOURNAL_BYTES = isLong ? 1024 * 1024 : 64 * 1024
/** Frames that are more than the journal takes, and their messages. */
const FRAMES = isLong ? 8_000 : 500
const MESSAGES_PER_FRAME = 5
/** Before and after. */
const FEW = 20

let stage: Stage
beforeEach(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.stop())

const say = (node: Node, frames: number) =>
  node.run(
    async ({ load }, { frames, messagesPerFrame }) => {
      load.filler = 'x'.repeat(200)
      await load.sayInFrames(frames, messagesPerFrame)
    },
    { frames, messagesPerFrame: MESSAGES_PER_FRAME },
  )
const gapsOf = (node: Node) => node.run(({ diary }) => diary.gaps)
const uidOf = (node: Node) =>
  node.run(({ io }) => (io.of('/').adapter as unknown as { uid: string }).uid)
/** What the clients of a node miss of a sender. */
const holesOf = async (clients: string[], sender: string) => {
  const reports = (await stage.reports()).filter(({ name }) => clients.includes(name))
  return reports.map(({ streams }) => {
    const { first, twice, late, holes } = streams[sender]!
    expect({ first, twice, late }).toEqual({ first: 1, twice: 0, late: 0 })
    return holes
  })
}

test('when an outage passes the bound of the journal, exactly the oldest frames beyond it are lost, and reported', {
  timeout: 120_000,
}, async () => {
  const sender = await stage.addNode('sender', { zmq: { journal: { maxBytes: JOURNAL_BYTES } } })
  const receivers = await Promise.all(['a', 'b'].map((name) => stage.addNode(name)))
  const ofReceivers = (await Promise.all(receivers.map((node) => stage.addClients(node, 1)))).flat()
  const ofSender = await stage.addClients(sender, 1)
  await stage.settled()
  await say(sender, FEW)
  await stage.heard()

  await stage.killBroker()
  await stage.linksAreDown()
  await say(sender, FRAMES)
  const { messagesDropped, messagesHeld, journalBytes } = await statsOf(sender)
  expect(messagesDropped).toBeGreaterThan(0)
  expect(messagesDropped % MESSAGES_PER_FRAME).toBe(0)
  expect(messagesDropped + messagesHeld).toBe(FRAMES * MESSAGES_PER_FRAME)
  const bytesPerFrame = journalBytes / (messagesHeld / MESSAGES_PER_FRAME)
  expect(journalBytes).toBeLessThanOrEqual(JOURNAL_BYTES)
  expect(journalBytes).toBeGreaterThan(JOURNAL_BYTES - 2 * bytesPerFrame)
  expect(await sender.run(({ diary }) => diary.errors)).toEqual(['JournalOverflowError'])

  await stage.restartBroker()
  await stage.settled()
  await stage.heard()
  await say(sender, FEW)
  await stage.heard()

  const firstLost = FEW * MESSAGES_PER_FRAME + 1
  const hole = [firstLost, firstLost + messagesDropped - 1]
  expect(await holesOf(ofReceivers, 'sender')).toEqual(ofReceivers.map(() => [hole]))
  expect(await holesOf(ofSender, 'sender')).toEqual([[]])
  const framesLost = messagesDropped / MESSAGES_PER_FRAME
  const gap = { sender: await uidOf(sender), topic: topicOfRoom(LOAD_ROOM), frames: framesLost }
  for (const receiver of receivers) {
    expect(await gapsOf(receiver)).toEqual([gap])
    expect(await statsOf(receiver)).toMatchObject({ link: 'up', framesLost, framesHeldBack: 0 })
  }
  expect(await statsOf(sender)).toMatchObject({
    link: 'up',
    messagesHeld: 0,
    messagesDropped,
    messagesSent: (2 * FEW + FRAMES) * MESSAGES_PER_FRAME - messagesDropped,
    framesLost: 0,
  })
  tell(
    `outage beyond a journal of ${count(JOURNAL_BYTES / 1024)} KiB: of ` +
      `${count(FRAMES * MESSAGES_PER_FRAME)} messages the oldest ${count(messagesDropped)} ` +
      `(${count(framesLost)} frames) were lost and reported, ${count(messagesHeld)} came, ` +
      'and all that was said later',
  )
})

test('a node that is cut off for longer than the journal reaches back misses exactly the frames that are gone', {
  timeout: 120_000,
}, async () => {
  const [broker] = stage.brokers
  const pub = await Tunnel.open(await freePort(), broker!.pub)
  const sub = await Tunnel.open(await freePort(), broker!.sub)
  const sender = await stage.addNode('sender', { zmq: { journal: { maxBytes: JOURNAL_BYTES } } })
  const near = await stage.addNode('near')
  const far = await stage.addNode('far', {
    zmq: {
      brokers: [{ pub: `tcp://127.0.0.1:${pub.port}`, sub: `tcp://127.0.0.1:${sub.port}` }],
    },
  })
  const ofNear = await stage.addClients(near, 1)
  const ofFar = await stage.addClients(far, 1)
  await stage.settled()
  await say(sender, FEW)
  await stage.heard()

  await Promise.all([pub.refuse(), sub.refuse()])
  await until(async () => (await statsOf(far)).link === 'down')
  await say(sender, FRAMES)
  await stage.heard(0, ofNear)
  await Promise.all([pub.accept(), sub.accept()])
  await stage.settled()
  await stage.heard()
  await say(sender, FEW)
  await stage.heard()

  expect(await holesOf(ofNear, 'sender')).toEqual([[]])
  const gaps = await gapsOf(far)
  const framesLost = gaps.reduce((sum, { frames }) => sum + frames, 0)
  const firstLost = FEW * MESSAGES_PER_FRAME + 1
  const messagesLost = framesLost * MESSAGES_PER_FRAME
  expect(framesLost).toBeGreaterThan(0)
  expect(await holesOf(ofFar, 'sender')).toEqual([[[firstLost, firstLost + messagesLost - 1]]])
  expect(await statsOf(far)).toMatchObject({ link: 'up', framesLost, framesHeldBack: 0 })
  expect(await statsOf(sender)).toMatchObject({ messagesDropped: 0, framesLost: 0 })
  await Promise.all([pub.refuse(), sub.refuse()])
  tell(
    `a node cut off beyond a journal of ${count(JOURNAL_BYTES / 1024)} KiB: of ` +
      `${count(FRAMES)} frames it was told that the oldest ${count(framesLost)} were lost, and ` +
      `they were; it got the other ${count(FRAMES - framesLost)}, and all that was said later`,
  )
})
