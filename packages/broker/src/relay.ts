import createDebug from 'debug'
import { type XPublisher, XSubscriber } from 'zeromq'

const debug = createDebug('zmq-broker')

/**
 * The topics that an emitter needs, of docs/protocol.md: its own (`KEY/e/` and a uid of 16
 * characters), and that of the digests (`KEY/c`).
 */
const emitterTopic = /^[^/]{1,200}\/(?:e\/[^/]{16}|c)$/

/** Whether an emitter may subscribe to it. */
export function isEmitterTopic(topic: string): boolean {
  return emitterTopic.test(topic)
}

/**
 * The place where emitters subscribe: passes on the subscriptions that an emitter may have, and what
 * comes on these topics. What servers say to each other does not come this far. The traffic is small,
 * control frames only, so JavaScript may be in its way.
 */
export class Relay {
  readonly #emitters: XPublisher
  readonly #upstream: XSubscriber

  /**
   * @param emitters the socket to which emitters connect
   * @param upstream where the broker's own subscribers' socket listens, inside the process
   */
  constructor(emitters: XPublisher, upstream: string) {
    this.#emitters = emitters
    this.#upstream = new XSubscriber({
      context: emitters.context,
      linger: 0,
      sendHighWaterMark: 0,
      receiveHighWaterMark: 0,
    })
    this.#upstream.connect(upstream)
    this.#passSubscriptions().catch(ended)
    this.#passFrames().catch(ended)
  }

  /** Ends it; the socket of the emitters is closed too. */
  close(): void {
    this.#upstream.close()
    this.#emitters.close()
  }

  async #passSubscriptions(): Promise<void> {
    for await (const [notice] of this.#emitters) {
      if (notice === undefined || notice.length < 2 || notice[0]! > 1) continue
      const topic = notice.toString('latin1', 1)
      if (isEmitterTopic(topic)) await this.#upstream.send(notice)
      else debug('an emitter may not subscribe to %j', topic)
    }
  }

  async #passFrames(): Promise<void> {
    for await (const frame of this.#upstream) {
      const [topic] = frame
      // A subscription is a prefix: longer topics come too.
      if (topic !== undefined && isEmitterTopic(topic.toString('latin1'))) {
        await this.#emitters.send(frame)
      }
    }
  }
}

function ended(error: Error): void {
  debug('the relay for emitters has ended: %s', error.message)
}
