import createDebug from 'debug'
import { type Control, ControlType, writeControl } from '../wire/control.js'
import type { Topics } from '../wire/topics.js'
import { Alarm } from './alarm.js'
import { DigestSchedule } from './digests.js'
import type { Journal } from './journal.js'
import type { Outgoing } from './outgoing.js'

const debug = createDebug('socket.io-zeromq:repair')

/**
 * Milliseconds after a topic fell quiet at which its digest goes out. A broker whose queue to a node is
 * full drops digests, too. The last one comes when the node has been cut off by the broker's heartbeat
 * (2 + 6 s), and so asks by itself when it is back, or else hears again.
 */
const DIGEST_DELAYS_MS = [300, 3_000, 12_000] as const
/** Digests that are asked for go out once in this time, for all who ask. */
const ASKED_INTERVAL_MS = 50
/** Bytes that one NAK brings; who misses more asks again. */
const MAX_REPAIR_BYTES = 4 * 1024 * 1024

export interface RepairsOptions {
  uid: string
  topics: Topics
  journal: Journal
  outgoing: Outgoing
  /** The topic of a node or an emitter. */
  ownTopicOf(uid: string): string
}

/**
 * The sender's side of repair: tells the others where its sequences stand, and sends again what they
 * have missed.
 */
export class Repairs {
  readonly #options: RepairsOptions
  readonly #startedAt = performance.now()
  readonly #schedule = new DigestSchedule(DIGEST_DELAYS_MS)
  readonly #alarm: Alarm
  /** The topics of those who have asked and not been answered. */
  readonly #askers = new Set<string>()
  #askedAt = Number.NEGATIVE_INFINITY
  #askedTimer: NodeJS.Timeout | undefined
  /** Frames sent again. */
  framesSent = 0
  /** When somebody last asked for a repair. */
  lastAskedAt = Number.NEGATIVE_INFINITY

  constructor(options: RepairsOptions) {
    this.#options = options
    this.#alarm = new Alarm(
      () => this.#schedule.nextDue(),
      () => this.#sayDigests(this.#schedule.due(performance.now())),
    )
  }

  /** A numbered frame has gone out. */
  sent(topic: string): void {
    this.#schedule.sent(topic, performance.now())
    this.#alarm.set()
  }

  /** The link is up: the others learn where we stand before they hear more. */
  linkUp(): void {
    const { topics, journal } = this.#options
    this.#sayDigests(new Set([topics.everyone, ...journal.topics()]))
  }

  /** Somebody asks for digests: of what is said to everyone, and to him. */
  onAsk(uid: string): void {
    const { topics, ownTopicOf } = this.#options
    this.#askers.add(ownTopicOf(uid))
    clearTimeout(this.#askedTimer)
    const now = performance.now()
    const wait = this.#askedAt + ASKED_INTERVAL_MS - now
    if (wait > 0) {
      this.#askedTimer = setTimeout(() => this.onAsk(uid), wait)
      return
    }
    this.#askedAt = now
    this.#sayDigests([topics.everyone, ...this.#askers])
    this.#askers.clear()
  }

  /** Somebody has missed frames of ours. */
  onNak(uid: string, topic: string, from: number, askedTo: number): void {
    const { journal, outgoing, ownTopicOf } = this.#options
    this.lastAskedAt = performance.now()
    const to = Math.min(askedTo, outgoing.lastSent(topic))
    if (to < from) return
    const { frames, goneTo } = journal.find(topic, from, to, MAX_REPAIR_BYTES)
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
    const reply = (message: Control) =>
      outgoing.sayFirst(ownTopicOf(uid), (writer) => writeControl(writer, message))
    if (goneTo >= from) reply({ type: ControlType.GONE, topic, from, to: goneTo })
    for (const { body } of frames) reply({ type: ControlType.REPAIR, topic, body })
    this.framesSent += frames.length
  }

  close(): void {
    this.#alarm.stop()
    clearTimeout(this.#askedTimer)
  }

  #sayDigests(topicsDue: Iterable<string>): void {
    const { outgoing, topics } = this.#options
    const ageMs = Math.floor(performance.now() - this.#startedAt)
    outgoing.sayFirst(topics.control, (writer) => {
      for (const topic of topicsDue) {
        const last = outgoing.lastSent(topic)
        writeControl(writer, { type: ControlType.DIGEST, topic, last, ageMs })
      }
    })
  }
}
