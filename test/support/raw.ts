import { randomBytes } from 'node:crypto'
import msgpack from 'msgpack-lite'
import { Publisher, XPublisher } from 'zeromq'
import { until } from './until.js'

/**
 * A sender made of plain ZeroMQ and msgpack-lite, as somebody else would write one, well meaning or
 * not.
 */
export class RawSender {
  readonly uid = randomBytes(8).toString('hex')
  readonly #socket: Publisher | XPublisher
  readonly #seqs = new Map<string, number>()
  /** What others subscribe to, as far as the socket is one that sees it. */
  readonly subscriptions = new Set<string>()

  /** @param options - of the ZeroMQ socket, such as keys */
  constructor(kind: 'Publisher' | 'XPublisher', endpoint: string, options: object = {}) {
    this.#socket =
      kind === 'Publisher'
        ? new Publisher({ linger: 0, sendHighWaterMark: 0, ...options })
        : new XPublisher({ linger: 0, sendHighWaterMark: 0, immediate: true, ...options })
    this.#socket.connect(endpoint)
    if (this.#socket instanceof XPublisher) this.#watch(this.#socket)
  }

  async #watch(socket: XPublisher): Promise<void> {
    try {
      for await (const [notice] of socket) {
        const topic = (notice as Buffer).toString('latin1', 1)
        if (notice![0] === 1) this.subscriptions.add(topic)
        else this.subscriptions.delete(topic)
      }
    } catch {
      // closed while it was read
    }
  }

  /** Waits until a topic has a subscriber. */
  async subscribed(prefix: string): Promise<string> {
    const find = () => [...this.subscriptions].find((topic) => topic.startsWith(prefix))
    await until(() => find() !== undefined, { what: () => `a subscription to ${prefix}` })
    return find() as string
  }

  /** Sends the parts of a ZeroMQ message as they are. */
  async send(...parts: (string | Buffer)[]): Promise<void> {
    await this.#socket.send(parts)
  }

  /**
   * Sends a frame that is in order but for its messages: values for msgpack-lite, or raw bytes. It
   * gets the next number in the topic's sequence.
   */
  async say(topic: string, ...messages: unknown[]): Promise<void> {
    await this.send(topic, this.frame(this.skip(topic), ...messages))
  }

  /** Gives the next number in a topic's sequence to a frame that is not sent. */
  skip(topic: string): number {
    const seq = (this.#seqs.get(topic) ?? 0) + 1
    this.#seqs.set(topic, seq)
    return seq
  }

  /** Sends a frame without a number. */
  async sayUnnumbered(topic: string, ...messages: unknown[]): Promise<void> {
    await this.send(topic, this.frame(0, ...messages))
  }

  /** The body of a frame. */
  frame(seq: number, ...messages: unknown[]): Buffer {
    return packed([1, this.uid, seq], ...messages)
  }

  close(): void {
    this.#socket.close()
  }
}

/** Values as MessagePack, one behind the other; Buffers stand as they are. */
export function packed(...values: unknown[]): Buffer {
  return Buffer.concat(values.map((v) => (Buffer.isBuffer(v) ? v : msgpack.encode(v))))
}
