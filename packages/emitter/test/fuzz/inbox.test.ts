import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Inbox } from '../../src/bus/inbox.js'
import { EVERYONE } from '../../src/wire/frame.js'
import { Random } from '../simulation/random.js'
import { INPUTS, report, SEED } from './plan.js'

const TOPICS = ['key/*', 'key/n/us', 'key/b/001', 'key/b/002'] as const
const OPTIONS = {
  nakDelayMs: 0,
  nakIntervalMs: 100,
  repairTimeoutMs: 10_000,
  unreachableTimeoutMs: 10_000,
  startTimeoutMs: 1_000,
  forgetMs: 60_000,
  maxHeldBytes: 2_000,
  maxHeldBytesOfAll: 5_000,
  maxHeldFrames: 100,
  maxSenders: 20,
}
/** Inputs for one inbox, with one honest sender. */
const INPUTS_PER_ROUND = 200
const EDGES = [0, 1, 2, 3, 10, 100, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 48, 2 ** 53 - 1]
const FORGED = -1
/** Where a sequence may start by what a digest tells. */
const STARTS = [() => undefined, () => 1, (last: number) => last + 1]
/** Fewer than are remembered, as the bus sees to it. */
const MEMBERS = ['liar', ...Array.from({ length: 10 }, (_, i) => `${i}`)]

const figures = { inputs: 0, delivered: 0, honest: 0, naks: 0, doubts: 0, lost: 0 }

/**
 * An inbox that hears one honest sender, on whose topic everyone may say what they like: frames, digests
 * and answers in the names of others, and in its own, though there no frame that could be its next one.
 */
class Round {
  readonly #random: Random
  readonly #inbox: Inbox<number>
  readonly #honest = { said: 0, got: 0 }
  /** What the honest sender answers, once it gets to it. */
  #answers: (() => void)[] = []
  /** The topics of the buckets that are followed. */
  readonly #followed = new Map<number, string>()
  #now = 0

  constructor(seed: number) {
    this.#random = new Random(seed)
    this.#inbox = new Inbox<number>(OPTIONS, {
      deliver: (sender, topic, seq) => this.#deliver(sender, topic, seq),
      nak: (sender, topic, from, to) => {
        figures.naks++
        this.#check(from >= 1 && from <= to && to <= 2 ** 48, `a NAK of ${from} to ${to}`)
        if (sender === 'honest') this.#answers.push(() => this.#repair(topic, from, to))
      },
      doubt: (sender, topic, seq) => {
        figures.doubts++
        if (sender === 'honest') this.#answers.push(() => this.#repair(topic, seq, seq))
      },
      ask: (sender) => {
        if (sender === 'honest') this.#answers.push(() => this.#tell())
      },
      startsAtOne: (_sender, topic) => topic === TOPICS[1],
      isBucket: (topic) => topic.startsWith('key/b/'),
      topicOf: (number) => (number === EVERYONE ? TOPICS[0] : this.#followed.get(number)),
      gap: (_sender, _topic, frames) => this.#check(frames > 0, `a gap of ${frames}`),
      isReachable: (sender) => sender === 'honest' || MEMBERS.includes(sender),
    })
  }

  run(): void {
    this.#say()
    for (let i = 0; i < INPUTS_PER_ROUND; i++) {
      figures.inputs++
      this.#lie()
      if (this.#random.chance(0.3)) this.#say()
      if (this.#random.chance(0.3)) this.#answer()
      if (this.#random.chance(0.2)) this.#tick(this.#random.pick([0, 1, 100, 1_000]))
      this.#checkBounds()
    }
    // when the others are quiet, all is heard that the honest sender says
    this.#say()
    this.#tell()
    for (let i = 0; i < 100 && this.#honest.got < this.#honest.said; i++) {
      this.#answer()
      this.#tick(100)
      if (i % 10 === 9) this.#say()
    }
    const { said, got } = this.#honest
    this.#check(got === said, `of ${said} frames, ${got} were delivered`)
    this.#check(Number.isSafeInteger(this.#inbox.lost), `${this.#inbox.lost} are lost`)
    figures.lost += this.#inbox.lost
  }

  #deliver(sender: string, topic: string, seq: number): void {
    figures.delivered++
    if (sender !== 'honest' || topic !== TOPICS[0]) return
    figures.honest++
    this.#check(seq !== FORGED, 'something forged is delivered')
    this.#check(seq === this.#honest.got + 1, `${seq} is delivered after ${this.#honest.got}`)
    this.#honest.got = seq
  }

  /** The honest sender says its next frame. */
  #say(): void {
    const seq = ++this.#honest.said
    if (this.#random.chance(0.2) && seq > 1) return // and it gets lost
    this.#receive(seq)
  }

  #receive(seq: number): void {
    const [topic] = TOPICS
    if (this.#inbox.has('honest', topic, seq)) {
      this.#inbox.repeated('honest', topic, seq, this.#now)
    } else this.#inbox.receive('honest', topic, seq, seq, 10, this.#now)
  }

  #tell(): void {
    this.#inbox.digest('honest', TOPICS[0], this.#honest.said, 1, this.#now)
  }

  #repair(topic: string, from: number, to: number): void {
    const last = topic === TOPICS[0] ? this.#honest.said : 0
    if (to > last) this.#inbox.unsent('honest', topic, last, this.#now)
    for (let seq = from; seq <= Math.min(to, last); seq++) this.#receive(seq)
  }

  #answer(): void {
    const answers = this.#answers
    this.#answers = []
    for (const answer of answers) answer()
  }

  /** Something that nobody but its sender should say. */
  #lie(): void {
    const random = this.#random
    const sender = random.pick(['honest', 'liar', 'stranger', `${random.int(0, 40)}`])
    const topic = random.pick(TOPICS)
    const at = sender === 'honest' ? this.#honest.said : 0
    // nobody can tell a frame from the honest sender's where it is expected
    const seq = sender === 'honest' ? at + 500 + random.pick(EDGES) : 1 + random.pick(EDGES)
    const inbox = this.#inbox
    switch (random.int(0, 8)) {
      case 0:
      case 1: {
        if (inbox.has(sender, topic, seq)) return inbox.repeated(sender, topic, seq, this.#now)
        return void inbox.receive(sender, topic, seq, FORGED, 10, this.#now, this.#requires())
      }
      case 2:
      case 3:
        return void inbox.digest(sender, topic, seq, random.pick(STARTS)(seq), this.#now)
      case 4:
        // of what was not asked for: where it was, it is believed
        if (sender === 'honest') return void inbox.gone(sender, topic, seq, 2 ** 53 - 1, this.#now)
        return void inbox.gone(sender, topic, random.int(1, seq), seq, this.#now)
      case 5:
        return void inbox.unsent(sender, topic, random.pick(EDGES), this.#now)
      case 6:
        if (MEMBERS.includes(sender)) inbox.reachable(sender, random.chance(0.5), this.#now)
        return
      case 7:
        return this.#turnTo(random.int(1, 2))
      default:
        return inbox.repeated(sender, topic, seq, this.#now)
    }
  }

  /** What a frame requires that somebody makes up. */
  #requires(): number[] | undefined {
    const random = this.#random
    if (random.chance(0.4)) return undefined
    const pairs = Array.from({ length: random.int(0, 3) }, () => [
      random.pick([1, 2, 3, EVERYONE]),
      Math.max(1, random.pick(EDGES)),
    ])
    return pairs.flat()
  }

  /** Begins to follow a bucket, or leaves it. */
  #turnTo(bucket: number): void {
    const topic = `key/b/00${bucket}`
    if (this.#followed.delete(bucket)) return this.#inbox.unfollow(topic, this.#now)
    this.#followed.set(bucket, topic)
    this.#inbox.follow(topic)
  }

  #tick(ms: number): void {
    const end = this.#now + ms
    for (let ticks = 0; ; ticks++) {
      const next = this.#inbox.nextTick()
      if (next === undefined || next > end) break
      this.#now = Math.max(this.#now, next)
      this.#inbox.tick(this.#now)
      this.#answer()
      this.#check(ticks < 10_000, 'ticks without end')
    }
    this.#now = end
  }

  #checkBounds(): void {
    const { heldFrames, heldBytes, senders } = this.#inbox
    const { maxHeldFrames, maxHeldBytesOfAll, maxSenders } = OPTIONS
    this.#check(heldFrames <= maxHeldFrames, `${heldFrames} frames are held`)
    this.#check(heldBytes <= maxHeldBytesOfAll, `${heldBytes} bytes are held`)
    this.#check(senders <= maxSenders, `${senders} senders are remembered`)
  }

  #check(isTrue: boolean, what: string): void {
    if (!isTrue) throw new Error(`${what}, at ${this.#now} ms`)
  }
}

it(`survives ${INPUTS} lies, and delivers what an honest sender says between them`, {
  timeout: 60_000 + INPUTS,
}, async () => {
  const startedAt = performance.now()
  for (let round = 0; figures.inputs < INPUTS; round++) {
    await nextTurn()
    const seed = (SEED + round) >>> 0
    try {
      new Round(seed).run()
    } catch (cause) {
      throw new Error(`${(cause as Error).message}\nto see it alone: FUZZ_SEED=${seed}`, { cause })
    }
  }
  report('the inbox', startedAt, figures)
  expect(figures.honest).toBeGreaterThan(INPUTS / 10)
})
