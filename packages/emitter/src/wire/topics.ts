/**
 * The topics of the wire: the first part of each ZeroMQ message, what brokers filter on.
 * See docs/protocol.md.
 */

import { BUCKETS } from './buckets.js'

/** What a topic is, read off a subscription or a frame. */
export type Topic =
  | { kind: 'everyone' }
  | { kind: 'node'; uid: string }
  | { kind: 'emitter'; uid: string }
  | { kind: 'receipt'; uid: string; number: number }
  | { kind: 'other' }

/** A sender's uid is 16 characters, so that no node's topic is a prefix of another's. */
export const UID_LENGTH = 16

/** A bucket in a topic: three digits of base 32, which are 0 to 9 and a to v. */
const BUCKET_DIGITS = 3
const BASE = 32

const OTHER: Topic = { kind: 'other' }
const EVERYONE: Topic = { kind: 'everyone' }

/** Names and reads the topics of one cluster. */
export class Topics {
  /** Messages for every node. */
  readonly everyone: string
  /** Digests, and questions for them. */
  readonly control: string
  /** What the topics of all buckets begin with; who subscribes to this hears each of them. */
  readonly buckets: string
  readonly #bucketBytes: Buffer
  readonly #bucketTopics: string[] = []
  readonly #node: string
  readonly #emitter: string
  readonly #receipt: string

  /** @param key - the cluster's name, without `/` */
  constructor(key: string) {
    this.everyone = `${key}/*`
    this.control = `${key}/c`
    this.buckets = `${key}/b/`
    this.#bucketBytes = Buffer.from(this.buckets, 'latin1')
    this.#node = `${key}/n/`
    this.#emitter = `${key}/e/`
    this.#receipt = `${key}/r/`
  }

  /** A node's own topic; subscribing to it is what makes a node a member. */
  node(uid: string): string {
    return this.#node + uid
  }

  /** An emitter's own topic. */
  emitter(uid: string): string {
    return this.#emitter + uid
  }

  /** Messages for the addresses of a bucket. */
  bucket(bucket: number): string {
    const known = this.#bucketTopics[bucket]
    if (known !== undefined) return known
    const topic = this.buckets + bucket.toString(BASE).padStart(BUCKET_DIGITS, '0')
    this.#bucketTopics[bucket] = topic
    return topic
  }

  /** Whether a topic of ours is that of a bucket. */
  isBucket(topic: string): boolean {
    return topic.startsWith(this.buckets)
  }

  /** The bucket whose topic this is, or `undefined`. */
  readBucket(topic: Buffer | string): number | undefined {
    const { length } = this.buckets
    if (topic.length !== length + BUCKET_DIGITS) return undefined
    const isString = typeof topic === 'string'
    if (isString ? !topic.startsWith(this.buckets) : this.#bucketBytes.compare(topic, 0, length)) {
      return undefined
    }
    let bucket = 0
    for (let i = length; i < topic.length; i++) {
      const digit = digitOf(isString ? topic.charCodeAt(i) : (topic[i] as number))
      if (digit === undefined) return undefined
      bucket = bucket * BASE + digit
    }
    return bucket < BUCKETS ? bucket : undefined
  }

  /**
   * A node's receipt: nothing is said on it. When its subscription has come back to the node, those
   * made before it are in force.
   */
  receipt(uid: string, number: number): string {
    return `${this.#receipt}${uid}/${number}`
  }

  /** What a topic is, as far as anybody wants to know of a subscription. */
  parse(topic: string): Topic {
    if (topic === this.everyone) return EVERYONE
    for (const [kind, prefix] of [
      ['node', this.#node],
      ['emitter', this.#emitter],
    ] as const) {
      if (topic.startsWith(prefix) && topic.length === prefix.length + UID_LENGTH) {
        return { kind, uid: topic.slice(prefix.length) }
      }
    }
    return topic.startsWith(this.#receipt) ? this.#parseReceipt(topic) : OTHER
  }

  #parseReceipt(topic: string): Topic {
    const start = this.#receipt.length
    const uid = topic.slice(start, start + UID_LENGTH)
    const number = topic.slice(start + UID_LENGTH + 1)
    if (topic[start + UID_LENGTH] !== '/' || !/^\d{1,15}$/.test(number)) return OTHER
    return { kind: 'receipt', uid, number: Number(number) }
  }
}

function digitOf(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  if (code >= 0x61 && code <= 0x76) return code - 0x57
  return undefined
}
