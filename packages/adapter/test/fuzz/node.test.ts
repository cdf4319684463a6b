import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Server } from 'socket.io'
import { Emitter } from 'socket.io-zeromq-emitter'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { UIDS } from '../../../emitter/test/fuzz/corpus.js'
import { Mutator } from '../../../emitter/test/fuzz/mutator.js'
import { readFrame, slices } from '../../../emitter/test/fuzz/oracle.js'
import { HANG_MS, INPUTS, keep, readCases, report, SEED } from '../../../emitter/test/fuzz/plan.js'
import { Random } from '../../../emitter/test/simulation/random.js'
import { encodeAll } from '../../../emitter/test/support/values.js'
import { type ZmqAdapterFactory, zmqAdapter } from '../../src/index.js'
import { addClients, CLIENTS } from './clients.js'
import { expectedOf } from './expected.js'
import { MemoryBroker } from './memory-broker.js'

/** Inputs between two words of the honest sender. */
const BATCH = 100
const EVERYONE = 'socket.io/*'
const CONTROL = 'socket.io/c'
/** What a node remembers of senders and frames is bounded by more than this; see docs/guarantees.md. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024

const broker = new MemoryBroker()
const random = new Random(SEED)
const errors: Error[] = []
/** Where senders are in their sequences, by sender and topic. */
const seqs = new Map<string, number>()
/** What frames may still do, and how often: some are held back for minutes. */
const allowed = new Map<string, number>()
const figures = { inputs: 0, deliveries: 0, good: 0, refused: 0, heapMiB: 0 }
/** What the honest sender's clients have got, by client. */
const good = new Map<string, number[]>(CLIENTS.map(({ id }) => [id, []]))
const wrong: string[] = []

let zmq: ZmqAdapterFactory
let io: Server
let emitter: Emitter
let ownUid: string
let goodUid: string
let ownTopic: string

beforeAll(async () => {
  zmq = zmqAdapter(broker.connect())
  io = new Server({ adapter: zmq })
  io.of('/admin')
  addClients(io, onDelivery)
  emitter = new Emitter(broker.connect())
  for (const each of [zmq, emitter]) each.on('error', (error: Error) => errors.push(error))
  await Promise.all([zmq.ready(), emitter.ready()])
  ownUid = (io.of('/').adapter as unknown as { uid: string }).uid
  goodUid = await uidOfEmitter()
  ownTopic = `socket.io/n/${ownUid}`
  // some of those in whose names inputs come are members, and may ask
  for (const uid of UIDS.slice(0, 2)) broker.notify(`socket.io/n/${uid}`)
})
afterAll(async () => {
  await emitter.close()
  await zmq.close()
})

/** Everyone can see it, in the topic that it subscribes to. */
async function uidOfEmitter(): Promise<string> {
  const { pubClient } = broker.connect()
  for (;;) {
    const [notice] = await pubClient.receive()
    const topic = notice?.toString('latin1', 1)
    if (topic?.startsWith('socket.io/e/')) return topic.slice(-16)
  }
}

function onDelivery(what: string): void {
  figures.deliveries++
  const honest = /^emit (\w+) undefined undefined text 2(?:\/admin,)?\["good",(\d+)\]$/.exec(what)
  if (honest !== null) {
    good.get(honest[1] as string)?.push(Number(honest[2]))
    return
  }
  const count = allowed.get(what)
  if (count === undefined) wrong.push(what)
  else if (count > 1) allowed.set(what, count - 1)
  else allowed.delete(what)
}

/** Feeds inputs, and something in the honest sender's name, and then lets that sender speak. */
async function feed(bodies: readonly Buffer[]): Promise<void> {
  const began = performance.now()
  for (const input of bodies) {
    figures.inputs++
    const where = topic()
    const body = renumber(input, where)
    for (const what of expectedOf(body, ownUid, [EVERYONE, CONTROL, ownTopic])) {
      allowed.set(what, (allowed.get(what) ?? 0) + 1)
    }
    broker.say(where, ...(random.chance(0.99) ? [body] : [body, body]))
  }
  forge()
  if (random.chance(0.1)) io.to('nobody').emit('what others may ask for again')
  const number = figures.good++
  emitter.to('room').emit('good', number)
  emitter.of('/admin').emit('good', number)
  while (good.get('three')?.at(-1) !== number || broker.unread > 0) {
    if (performance.now() - began > HANG_MS) throw new Error('what is good does not come through')
    await nextTurn()
  }
  for (const id of ['one', 'three']) {
    const got = good.get(id)?.splice(0)
    if (got?.length !== 1 || got[0] !== number) throw new Error(`${id} got ${got}, not ${number}`)
  }
  if (good.get('two')?.length !== 0) throw new Error('two got what was for others')
  if (wrong.length > 0) throw new Error(`delivered, but not said: ${wrong}`)
  if (errors.length > 0) throw new Error(`an error event: ${errors[0]?.stack}`)
}

/** The same frame where its sender is in its sequence, or about there, so that it is delivered. */
function renumber(body: Buffer, where: string): Buffer {
  const said = readFrame(body)
  if (said === undefined || said.seq === 0 || random.chance(0.2)) return body
  const { uid } = said
  if (!UIDS.includes(uid)) return body
  const next = (seqs.get(uid + where) ?? 0) + 1
  // some come twice; few go missing, since nobody repairs them
  const seq = Math.max(1, next + (random.chance(0.001) ? 1 : random.chance(0.1) ? -1 : 0))
  seqs.set(uid + where, Math.max(seq, next - 1))
  return Buffer.concat([encodeAll([1, uid, seq]), ...(slices(body) ?? []).slice(1)])
}

function topic(): string {
  const kind = random.next()
  if (kind < 0.5) return EVERYONE
  if (kind < 0.75) return ownTopic
  if (kind < 0.9) return CONTROL
  return random.pick([`socket.io/e/${goodUid}`, `${EVERYONE}x`, 'other', ''])
}

/** What others may say in the honest sender's name without being that sender. */
function forge(): void {
  if (random.chance(0.5)) return
  const about = random.pick([EVERYONE, ownTopic])
  const ahead = figures.good + random.pick([1_000, 2 ** 20, 2 ** 31, 2 ** 40, 2 ** 52])
  const smuggled = [3, '/', [], [], {}, 1, ['2["smuggled"]']]
  const body = random.pick([
    encodeAll([1, goodUid, ahead], smuggled),
    encodeAll([1, goodUid, 0], [35, about, ahead, random.pick([0, 2 ** 40])]),
    encodeAll([1, goodUid, 0], [34, about, 1, ahead]),
    encodeAll([1, goodUid, 0], [41, about, random.pick([0, figures.good, ahead])]),
    encodeAll([1, goodUid, 0], [36, about, encodeAll([1, goodUid, ahead], smuggled)]),
    encodeAll([1, ownUid, 0], [33, EVERYONE, 1, ahead], [38, 1], [32, 0]),
  ])
  broker.say(random.pick([EVERYONE, ownTopic, CONTROL]), body)
}

it(`takes ${INPUTS} frames, good and bad, and delivers what they say and nothing else`, {
  timeout: 60_000 + INPUTS,
}, async () => {
  const mutator = new Mutator(SEED)
  const startedAt = performance.now()
  let heap = 0
  while (figures.inputs < INPUTS) {
    const bodies = Array.from({ length: BATCH }, () => mutator.next())
    try {
      await feed(bodies)
    } catch (error) {
      throw keep('node', bodies, error)
    }
    // what is remembered of senders fills up at first
    if (heap === 0 && figures.inputs >= INPUTS / 5) heap = heapBytes()
  }
  const growth = heapBytes() - heap
  figures.heapMiB = Math.round(heapBytes() / 2 ** 20)
  const { refused } = zmq.stats()
  figures.refused = Object.values(refused).reduce((sum, count) => sum + count, 0)
  report('the whole node', startedAt, { ...figures, ...refused })
  expect(growth).toBeLessThan(MAX_GROWTH_BYTES)
  expect(figures.deliveries).toBeGreaterThan(INPUTS / 20)
  expect('polluted' in {}).toBe(false)
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(PROTOTYPE)
})

const PROTOTYPE = Object.getOwnPropertyNames(Object.prototype)

it.each(readCases())('takes what has gone wrong once: %s', async (_, bodies) => {
  await feed(bodies)
})

/** What is on the heap after a collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}
