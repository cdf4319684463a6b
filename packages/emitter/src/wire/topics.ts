/**
 * The topics of the wire: the first part of each ZeroMQ message, what brokers filter on.
 * See docs/protocol.md.
 */

/** What a topic is, read off a subscription or a frame. */
export type Topic =
  | { kind: 'everyone' }
  | { kind: 'node'; uid: string }
  | { kind: 'emitter'; uid: string }
  | { kind: 'other' }

/** A sender's uid is 16 characters, so that no node's topic is a prefix of another's. */
export const UID_LENGTH = 16

const OTHER: Topic = { kind: 'other' }
const EVERYONE: Topic = { kind: 'everyone' }

/** Names and reads the topics of one cluster. */
export class Topics {
  /** Messages for every node. */
  readonly everyone: string
  /** Digests, and questions for them. */
  readonly control: string
  readonly #node: string
  readonly #emitter: string

  /** @param key - the cluster's name, without `/` */
  constructor(key: string) {
    this.everyone = `${key}/*`
    this.control = `${key}/c`
    this.#node = `${key}/n/`
    this.#emitter = `${key}/e/`
  }

  /** A node's own topic; subscribing to it is what makes a node a member. */
  node(uid: string): string {
    return this.#node + uid
  }

  /** An emitter's own topic. */
  emitter(uid: string): string {
    return this.#emitter + uid
  }

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
    return OTHER
  }
}
