import { MsgpackReader, readHeader } from 'socket.io-zeromq-emitter/bus'
import { Subscriber, XPublisher } from 'zeromq'
import { until } from '../../support/until.js'
import type { Stage } from './stage.js'

/**
 * Waits until a broker, one of several, carries everything: until each sender's frames come out of it
 * and each node has subscribed to it.
 */
export async function carriesAll(stage: Stage, broker: Stage['brokers'][number]): Promise<void> {
  const subscriber = new Subscriber({ linger: 0, ...stage.socketOptions })
  const publisher = new XPublisher({ linger: 0, ...stage.socketOptions })
  subscriber.connect(`tcp://127.0.0.1:${broker.sub}`)
  subscriber.subscribe('socket.io/*', 'socket.io/b/')
  publisher.connect(`tcp://127.0.0.1:${broker.pub}`)
  const senders = new Set<string>()
  const nodes = new Set<string>()
  const listen = async () => {
    for await (const [, body] of subscriber) {
      const { uid } = readHeader(new MsgpackReader(body as Buffer))
      senders.add(uid)
    }
  }
  const watch = async () => {
    for await (const [notice] of publisher) {
      const topic = (notice as Buffer).toString('latin1', 1)
      if (topic.startsWith('socket.io/n/') && notice![0] === 1) nodes.add(topic)
    }
  }
  const loops = [listen(), watch()].map((loop) => loop.catch(() => {})) // closed while it reads
  try {
    await until(() => senders.size >= stage.senders.length && nodes.size >= stage.nodes.length, {
      timeoutMs: 60_000,
      what: () => `a broker carries all: ${senders.size} senders speak, ${nodes.size} nodes hear`,
    })
  } finally {
    subscriber.close()
    publisher.close()
    await Promise.all(loops)
  }
}
