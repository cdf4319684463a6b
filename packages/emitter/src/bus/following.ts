import createDebug from 'debug'
import type { BucketSet } from '../wire/bucket-set.js'
import type { Topics } from '../wire/topics.js'
import { Alarm } from './alarm.js'
import { Interests } from './interests.js'
import { Receipts, type Waiter } from './receipts.js'

const debug = createDebug('socket.io-zeromq:rooms')

/** How long a bucket is followed after its last room has gone. */
const LINGER_MS = 10_000
/** Receipts follow each other no faster than this, nor than a millisecond for each member. */
const MIN_RECEIPT_INTERVAL_MS = 2

/** Which buckets a bus hears: those of its rooms, all of them, or none. */
type FollowingMode = 'dynamic' | 'static' | 'none'

export interface FollowingOptions {
  uid: string
  topics: Topics
  mode: FollowingMode
  socket: { subscribe(topic: string): void; unsubscribe(topic: string): void }
  /** How many other nodes hear of each receipt. */
  memberCount(): number
  /** A bucket is followed from now on. */
  onFollow(topic: string): void
  /** A bucket is not followed any more. */
  onUnfollow(topic: string): void
}

/**
 * The buckets that a node follows as its rooms come and go: subscribes to them, and knows when that
 * is in force.
 */
export class Following {
  readonly #options: FollowingOptions
  readonly #interests = new Interests(LINGER_MS)
  readonly #receipts = new Receipts()
  readonly #lingerAlarm: Alarm
  readonly #receiptAlarm: Alarm
  #receiptAt = Number.NEGATIVE_INFINITY
  #isUp = false
  #isClosed = false
  /** How often it was waited in vain for a subscription to be in force. */
  unconfirmed = 0

  constructor(options: FollowingOptions) {
    this.#options = options
    this.#lingerAlarm = new Alarm(
      () => this.#interests.nextExpiry(),
      () => this.#expire(),
    )
    this.#receiptAlarm = new Alarm(
      () => {
        if (!this.#isUp || !this.#receipts.isDue) return undefined
        return this.#nextReceiptAt
      },
      () => this.#issueReceipt(),
    )
  }

  /** The buckets that are followed one by one. */
  get buckets(): BucketSet {
    return this.#interests.buckets
  }

  get isDynamic(): boolean {
    return this.#options.mode === 'dynamic'
  }

  /** The topics to subscribe to at the start. */
  get topics(): string[] {
    return this.#options.mode === 'static' ? [this.#options.topics.buckets] : []
  }

  follows(bucket: number): boolean {
    const { mode } = this.#options
    return mode === 'dynamic' ? this.buckets.has(bucket) : mode === 'static'
  }

  /** When a bucket was subscribed to; 0 for what was always heard. */
  since(bucket: number): number {
    return this.#interests.since(bucket) ?? 0
  }

  /** There is one more address, a room or a namespace, in a bucket. */
  enter(bucket: number): void {
    if (!this.isDynamic || this.#isClosed) return
    if (!this.#interests.enter(bucket, performance.now())) return
    const topic = this.#options.topics.bucket(bucket)
    this.#options.socket.subscribe(topic)
    this.#receipts.subscribed(bucket)
    this.#receiptAlarm.set()
    this.#options.onFollow(topic)
  }

  /** There is one address less. */
  leave(bucket: number): void {
    if (!this.isDynamic || this.#isClosed) return
    this.#interests.leave(bucket, performance.now())
    this.#lingerAlarm.set()
  }

  /**
   * Resolves when the subscriptions to buckets are in force at a broker, or after a time at the latest.
   * @param buckets - those to wait for; all by default
   * @returns `undefined` if they are in force
   */
  inForce(timeoutMs: number, buckets?: Iterable<number>): Promise<void> | undefined {
    const receipts = this.#receipts
    const number = buckets === undefined ? receipts.behindAll() : receipts.behind(buckets)
    if (number === 0 || this.#isClosed) return undefined
    // at once, if the last one is long enough ago
    if (this.#isUp && this.#receipts.isDue && performance.now() >= this.#nextReceiptAt) {
      this.#issueReceipt()
      this.#receiptAlarm.set()
    }
    return this.#wait(number, timeoutMs)
  }

  /** A receipt of this node has come back from a broker. */
  receiptReturned(number: number): void {
    this.#withdraw(this.#receipts.returned(number))
  }

  linkUp(): void {
    this.#isUp = true
    this.#receiptAlarm.set()
  }

  linkDown(): void {
    this.#isUp = false
    this.#withdraw(this.#receipts.lost())
    this.#receiptAlarm.set()
  }

  close(): void {
    this.#isClosed = true
    this.#lingerAlarm.stop()
    this.#receiptAlarm.stop()
    this.#receipts.releaseAll()
  }

  #wait(number: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#receipts.cancel(waiter)
        this.unconfirmed++
        resolve()
      }, timeoutMs)
      const waiter: Waiter = {
        number,
        resolve() {
          clearTimeout(timer)
          resolve()
        },
      }
      this.#receipts.wait(waiter)
    })
  }

  get #nextReceiptAt(): number {
    return this.#receiptAt + Math.max(MIN_RECEIPT_INTERVAL_MS, this.#options.memberCount())
  }

  #issueReceipt(): void {
    if (!this.#isUp || !this.#receipts.isDue) return
    this.#receiptAt = performance.now()
    const { uid, topics, socket } = this.#options
    socket.subscribe(topics.receipt(uid, this.#receipts.issue()))
  }

  #withdraw(receipts: readonly number[]): void {
    const { uid, topics, socket } = this.#options
    for (const number of receipts) {
      if (!this.#isClosed) socket.unsubscribe(topics.receipt(uid, number))
    }
  }

  #expire(): void {
    const { topics, socket, onUnfollow } = this.#options
    for (const bucket of this.#interests.expire(performance.now())) {
      const topic = topics.bucket(bucket)
      debug('%s leaves %s', this.#options.uid, topic)
      socket.unsubscribe(topic)
      this.#receipts.unsubscribed(bucket)
      onUnfollow(topic)
    }
  }
}
