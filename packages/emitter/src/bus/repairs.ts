import createDebug from 'debug'
import { type Control, ControlType, writeControl, writeControls } from '../wire/control.js'
import type { Topics } from '../wire/topics.js'
import { Alarm } from './alarm.js'
import { Bundles } from './bundles.js'
import { DigestSchedule } from './digests.js'
import type { Directing } from './directing.js'
import type { Journal } from './journal.js'
import type { Outgoing } from './outgoing.js'
import type { Refusals } from './refusals.js'
import { RepairAllowance } from './repair-allowance.js'

const debug = createDebug('socket.io-zeromq:repair')

/**
 * Milliseconds after a topic fell quiet at which its digest goes out. A broker whose queue to a node is
 * full drops digests, too. The last one comes when the node has been cut off by the broker's heartbeat
 * (2 + 6 s), and so asks by itself when it is back, or else hears again.
 */
const DIGEST_DELAYS_MS = [300, 3_000, 12_000] as const
/**
 * Those of buckets go out at multiples of these, so that many come in one frame: with 100 nodes, each of
 * which spoke to many rooms, most of what the others got were digests.
 */
const BUCKET_GRIDS_MS = [250, 3_000, 12_000] as const
/** For how long a broker may know of a subscription before a publisher does, at most. */
const FOLLOWED_MS = 1_000
/** Digests that are asked for go out once in this time, for all who ask. */
const ASKED_INTERVAL_MS = 50
/** Bytes that one NAK brings; who misses more asks again. */
const MAX_REPAIR_BYTES = 4 * 1024 * 1024
/** Who asks again sooner than an honest receiver does gets nothing; those wait 100 ms and more. */
const REPEAT_INTERVAL_MS = 50
/** Bytes of repairs in a second, for all who ask: what a network of 1 Gbit/s carries. */
const MAX_REPAIR_BYTES_PER_SECOND = 128 * 1024 * 1024
/** What a bucket takes of a digest at most: its number, and those of a frame and of an age. */
const MAX_STAND_BYTES = 3 + 9 + 9
/** How many may ask for digests at once. */
const MAX_ASKERS = 16_384

export interface RepairsOptions {
  uid: string
  topics: Topics
  journal: Journal
  outgoing: Outgoing
  maxMessageBytes: number
  directing: Directing
  /** The topic of a node or an emitter. */
  ownTopicOf(uid: string): string
  /** Whether somebody would hear an answer. */
  isReachable(uid: string): boolean
  refusals: Refusals
}

/**
 * The sender's side of repair: tells the others where its sequences stand, and sends again what they
 * have missed.
 */
export class Repairs {
  readonly #options: RepairsOptions
  readonly #startedAt = performance.now()
  readonly #schedule = new DigestSchedule(DIGEST_DELAYS_MS)
  readonly #bucketSchedule = new DigestSchedule(DIGEST_DELAYS_MS, BUCKET_GRIDS_MS)
  readonly #alarm: Alarm
  readonly #bucketAlarm: Alarm
  /** Answers to those who have asked about a topic. */
  readonly #answers: Bundles
  /** The topics of those who have asked and not been answered. */
  readonly #askers = new Set<string>()
  #askedAt = Number.NEGATIVE_INFINITY
  #askedTimer: NodeJS.Timeout | undefined
  readonly #allowance = new RepairAllowance({
    intervalMs: REPEAT_INTERVAL_MS,
    bytesPerSecond: MAX_REPAIR_BYTES_PER_SECOND,
  })
  /** Frames sent again. */
  framesSent = 0
  /** When somebody last asked for a repair. */
  lastAskedAt = Number.NEGATIVE_INFINITY

  constructor(options: RepairsOptions) {
    this.#options = options
    const { outgoing, ownTopicOf } = options
    this.#answers = new Bundles((uid, answers) =>
      outgoing.sayFirst(ownTopicOf(uid), (writer) => writeControls(writer, answers)),
    )
    this.#alarm = new Alarm(
      () => this.#schedule.nextDue(),
      () => this.#sayDigests(this.#schedule.due(performance.now())),
    )
    this.#bucketAlarm = new Alarm(
      () => this.#bucketSchedule.nextDue(),
      () => this.#sayBucketDigests(this.#bucketSchedule.due(performance.now())),
    )
  }

  /** A numbered frame has gone out. */
  sent(topic: string): void {
    const isBucket = this.#options.topics.isBucket(topic)
    const schedule = isBucket ? this.#bucketSchedule : this.#schedule
    schedule.sent(topic, performance.now())
    if (isBucket) this.#bucketAlarm.set()
    else this.#alarm.set()
  }

  /**
   * Somebody follows a bucket that nobody followed before. A broker knew of it a little earlier than we
   * did, and what we have said meanwhile went nowhere.
   */
  followed(topic: string): void {
    const frame = this.#options.outgoing.lastFrame(topic)
    if (frame === undefined || performance.now() - frame.at > FOLLOWED_MS) return
    this.#sayBucketDigest(topic)
  }

  /** The link is up: the others learn where we stand before they hear more. */
  linkUp(): void {
    const { topics, journal, outgoing } = this.#options
    const kept = [...journal.topics()].filter((topic) => !topics.isBucket(topic))
    this.#sayDigests(new Set([topics.everyone, ...kept]), outgoing.bucketTopics())
  }

  /** Somebody asks for digests: of what is said to everyone, to buckets, and to him. */
  onAsk(uid: string): void {
    const { topics, outgoing, ownTopicOf } = this.#options
    if (this.#askers.size < MAX_ASKERS) this.#askers.add(ownTopicOf(uid))
    else this.#options.refusals.count('askedTooOften')
    clearTimeout(this.#askedTimer)
    const now = performance.now()
    const wait = this.#askedAt + ASKED_INTERVAL_MS - now
    if (wait > 0) {
      this.#askedTimer = setTimeout(() => this.onAsk(uid), wait)
      return
    }
    this.#askedAt = now
    this.#sayDigests([topics.everyone, ...this.#askers], outgoing.bucketTopics())
    this.#askers.clear()
  }

  /** Somebody asks where a topic stood when we were so old, which is when he began to follow it. */
  onAskAbout(uid: string, topic: string, ageMs: number): void {
    const { journal, outgoing, isReachable, refusals } = this.#options
    // emitters follow nothing
    const isNode = isReachable(uid) && this.#isNode(uid)
    if (!isNode) return refusals.count('stranger')
    const last = outgoing.lastSent(topic)
    // what is not kept any more was sent before what is
    const then = journal.lastBefore(topic, this.#startedAt + ageMs) ?? last
    const base = ageMs === 0 ? 0 : Math.min(then, last)
    this.#answers.add(uid, { type: ControlType.DIGEST, topic, last, ageMs: this.#ageMs, base })
  }

  /** Somebody has missed frames of ours. */
  onNak(uid: string, topic: string, from: number, askedTo: number): void {
    const { journal, outgoing, ownTopicOf, isReachable, refusals } = this.#options
    const now = performance.now()
    if (!isReachable(uid)) return refusals.count('stranger')
    const replyTopic = ownTopicOf(uid)
    // An emitter hears nothing but what is said to it. A broker with keys sees to that, and a repair
    // may not get round it.
    if (!this.#isNode(uid) && topic !== replyTopic) return refusals.count('stranger')
    const reply = (message: Control) =>
      outgoing.sayFirst(replyTopic, (writer) => writeControl(writer, message))
    const last = outgoing.lastNumbered(topic)
    // what he knows of them is not from us
    if (askedTo > last) reply({ type: ControlType.UNSENT, topic, last })
    const to = Math.min(askedTo, outgoing.lastSent(topic))
    if (to < from) return
    if (!this.#allowance.isNew(uid, topic, from, to, now)) return refusals.count('askedTooOften')
    const maxBytes = Math.min(MAX_REPAIR_BYTES, this.#allowance.bytes(now))
    if (maxBytes === 0) return refusals.count('askedTooMuch')
    this.lastAskedAt = now
    const { frames, goneTo } = journal.find(topic, from, to, maxBytes)
    let bytes = 0
    for (const { body } of frames) bytes += body.length
    this.#allowance.spend(uid, topic, from, frames.at(-1)?.seq ?? to, bytes, now)
    debug(
      '%s: %s misses %d to %d on %s: %d sent again, %d gone',
      this.#options.uid,
      uid,
      from,
      to,
      topic,
      frames.length,
      goneTo - from + 1,
    )
    if (goneTo >= from) reply({ type: ControlType.GONE, topic, from, to: goneTo })
    for (const { body } of frames) reply({ type: ControlType.REPAIR, topic, body })
    this.framesSent += frames.length
  }

  close(): void {
    this.#alarm.stop()
    this.#bucketAlarm.stop()
    clearTimeout(this.#askedTimer)
  }

  get #ageMs(): number {
    return Math.floor(performance.now() - this.#startedAt)
  }

  #isNode(uid: string): boolean {
    const { topics, ownTopicOf } = this.#options
    return topics.parse(ownTopicOf(uid)).kind !== 'emitter'
  }

  /** To those who follow each bucket, or to everyone at once, if that costs less. */
  #sayBucketDigests(topicsDue: readonly string[]): void {
    const { topics, directing } = this.#options
    const buckets = topicsDue.map((topic) => topics.readBucket(topic) as number)
    if (!directing.paysForDigests(buckets)) return this.#sayDigests([], topicsDue)
    for (const topic of topicsDue) this.#sayBucketDigest(topic)
  }

  #sayBucketDigest(topic: string): void {
    const { outgoing } = this.#options
    for (const digest of this.#bucketDigests([topic])) {
      outgoing.sayFirst(topic, (writer) => writeControl(writer, digest))
    }
  }

  #sayDigests(topicsDue: Iterable<string>, bucketsDue: Iterable<string> = []): void {
    const { outgoing, topics } = this.#options
    const ageMs = this.#ageMs
    const [first, ...others] = this.#bucketDigests(bucketsDue)
    outgoing.sayFirst(topics.control, (writer) => {
      for (const topic of topicsDue) {
        const last = outgoing.lastSent(topic)
        writeControl(writer, { type: ControlType.DIGEST, topic, last, ageMs })
      }
      if (first !== undefined) writeControl(writer, first)
    })
    for (const digest of others) {
      outgoing.sayFirst(topics.control, (writer) => writeControl(writer, digest))
    }
  }

  /** Where the topics of buckets stand, in as many messages as frames that it takes. */
  #bucketDigests(bucketTopics: Iterable<string>): Control[] {
    const ageMs = this.#ageMs
    const all = this.#stands(bucketTopics)
    // of a frame, half is enough for them
    const most = 3 * Math.floor(this.#options.maxMessageBytes / 2 / MAX_STAND_BYTES)
    const digests: Control[] = []
    for (let i = 0; i < all.length; i += most) {
      digests.push({ type: ControlType.BUCKET_DIGEST, ageMs, stands: all.slice(i, i + most) })
    }
    return digests
  }

  /** Where the topics of buckets stand; see BUCKET_DIGEST. */
  #stands(bucketTopics: Iterable<string>): number[] {
    const { outgoing, topics } = this.#options
    const stands: number[] = []
    for (const topic of bucketTopics) {
      const frame = outgoing.lastFrame(topic)
      if (frame === undefined) continue
      const sentAtAgeMs = Math.floor(frame.at - this.#startedAt)
      stands.push(topics.readBucket(topic) as number, frame.seq, sentAtAgeMs)
    }
    return stands
  }
}
