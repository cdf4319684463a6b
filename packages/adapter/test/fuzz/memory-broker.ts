import type { ZmqAdapterOptions } from '../../src/index.js'

/** The options by which a bus is given its sockets. */
type Sockets = Required<Pick<ZmqAdapterOptions, 'pubClient' | 'subClient'>>

/** What a receiver has not taken yet. */
class Queue<T> {
  #items: T[] = []
  #waiting: { resolve(item: T): void; reject(error: Error): void } | undefined
  #isClosed = false

  get length(): number {
    return this.#items.length
  }

  push(item: T): void {
    if (this.#waiting === undefined) {
      this.#items.push(item)
      return
    }
    this.#waiting.resolve(item)
    this.#waiting = undefined
  }

  /** The oldest item; rejects once the queue is closed, as a socket does. */
  receive(): Promise<T> {
    if (this.#isClosed) return Promise.reject(new Error('closed'))
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift() as T)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  close(): void {
    this.#isClosed = true
    this.#waiting?.reject(new Error('closed'))
  }
}

/** The two sockets of a bus, under the names that it knows them by. */
class XPublisher {
  readonly notices = new Queue<[Buffer]>()
  readonly #broker: MemoryBroker

  constructor(broker: MemoryBroker) {
    this.#broker = broker
  }

  async send([topic, body]: [string, Buffer]): Promise<void> {
    this.#broker.say(topic, body)
  }

  receive(): Promise<[Buffer]> {
    return this.notices.receive()
  }

  close(): void {
    this.notices.close()
  }
}

class Subscriber {
  readonly frames = new Queue<Buffer[]>()
  readonly topics = new Set<string>()
  readonly #broker: MemoryBroker

  constructor(broker: MemoryBroker) {
    this.#broker = broker
  }

  subscribe(topic: string): void {
    this.topics.add(topic)
    this.#broker.notify(topic)
  }

  receive(): Promise<Buffer[]> {
    return this.frames.receive()
  }

  close(): void {
    this.frames.close()
  }
}

/**
 * A broker and its connections, in memory: what it passes on is read in the next microtask, so that a
 * bus can be fed at the speed at which it reads.
 */
export class MemoryBroker {
  readonly #publishers: XPublisher[] = []
  readonly #subscribers: Subscriber[] = []

  /** The options of a bus, for a new one. */
  connect(): Sockets {
    const publisher = new XPublisher(this)
    const subscriber = new Subscriber(this)
    for (const { topics } of this.#subscribers) {
      for (const topic of topics) publisher.notices.push(noticeOf(topic))
    }
    this.#publishers.push(publisher)
    this.#subscribers.push(subscriber)
    return {
      pubClient: publisher as unknown as Sockets['pubClient'],
      subClient: subscriber as unknown as Sockets['subClient'],
    }
  }

  /** Tells all publishers of a subscription. */
  notify(topic: string): void {
    for (const { notices } of this.#publishers) notices.push(noticeOf(topic))
  }

  /** Passes on a frame, of two parts or of others. */
  say(topic: string, ...parts: Buffer[]): void {
    const frame = [Buffer.from(topic, 'latin1'), ...parts]
    for (const { topics, frames } of this.#subscribers) {
      for (const prefix of topics) {
        if (!topic.startsWith(prefix)) continue
        frames.push(frame)
        break
      }
    }
  }

  /** Frames that nobody has read yet. */
  get unread(): number {
    return this.#subscribers.reduce((sum, { frames }) => sum + frames.length, 0)
  }
}

function noticeOf(topic: string): [Buffer] {
  return [Buffer.from(`\x01${topic}`, 'latin1')]
}
