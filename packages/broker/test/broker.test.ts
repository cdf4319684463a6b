import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Subscriber } from 'zeromq'
import { Broker, BrokerBindError, BrokerStateError } from 'zmq-broker'
import { freePort } from '../../../test/support/ports.js'
import {
  connectPublisher,
  connectSubscriber,
  failureOf,
  heardSubscription,
  heardUnsubscription,
  occupy,
  passOneFrame,
  portOf,
  runNode,
  serve,
  startBroker,
  temporaryFolder,
  until,
} from './support.js'

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

/** What a promise is rejected with. */
describe('a broker passes on', () => {
  it('each frame to those who subscribed to its topic, whole', async () => {
    const { endpoints } = await startBroker()
    const publisher = connectPublisher(endpoints)
    const red = connectSubscriber(endpoints, ['red'])
    const all = connectSubscriber(endpoints, ['red', 'blue'])
    await heardSubscription(publisher, 'red')
    await heardSubscription(publisher, 'blue')
    await publisher.send(['blue', 'one', ''])
    await publisher.send(['red', Buffer.from([0, 255]), 'two'])

    expect((await all.receive()).map(String)).toEqual(['blue', 'one', ''])
    expect(await all.receive()).toEqual([
      Buffer.from('red'),
      Buffer.from([0, 255]),
      Buffer.from('two'),
    ])
    // Of two subscriptions to one topic a publisher hears the first: the other comes into force unheard.
    await until(async () => {
      await publisher.send(['red', 'three'])
      expect(red.readable).toBe(true)
    })
    expect(String((await red.receive())[0])).toBe('red')
  })

  it('thousands of subscriptions to a publisher that comes late', async () => {
    const { endpoints } = await startBroker()
    const topics = Array.from({ length: 3000 }, (_, index) => `topic ${index}`)
    const subscriber = connectSubscriber(endpoints, ['first'])
    // Its own send high-water mark (ZMQ_SNDHWM, 23), which also limits subscriptions, has no name.
    const options = subscriber as unknown as { setInt32Option(option: number, value: number): void }
    options.setInt32Option(23, 0)
    subscriber.subscribe(...topics)
    const early = connectPublisher(endpoints)
    await heardSubscription(early, topics.at(-1) ?? '')

    const late = connectPublisher(endpoints)
    const heard = new Set<string>()
    while (heard.size < topics.length + 1) heard.add(String((await late.receive())[0]))
    expect([...heard].sort()).toEqual(['first', ...topics].map((topic) => `\x01${topic}`).sort())
  })

  it('nothing before the subscribers of a broker that died are back', async () => {
    const first = await startBroker({ pub: await freePort(), sub: await freePort() })
    const { endpoints } = first
    const subscriber = connectSubscriber(endpoints, ['topic'])
    // a socket that nobody reads does not notice that it has been connected again
    const received = subscriber.receive()
    await heardSubscription(connectPublisher(endpoints), 'topic')
    await first.stop()

    await startBroker({ ...endpoints, settleTime: 1000 })
    // whatever a publisher hears first of all, the subscriber is among it
    const publisher = connectPublisher(endpoints)
    expect(String((await publisher.receive())[0])).toBe('\x01topic')
    await publisher.send(['topic', 'first'])
    expect((await received).map(String)).toEqual(['topic', 'first'])
  })

  it('frames while nothing refers to it but its own run', async () => {
    const { endpoints } = await startBroker()
    setFlagsFromString('--expose_gc')
    runInNewContext('gc')()
    expect(await passOneFrame(endpoints)).toEqual(['topic', 'body'])
  })

  it('frames over ipc', async () => {
    const folder = await temporaryFolder()
    const pub = `ipc://${join(folder, 'pub')}`
    const sub = `ipc://${join(folder, 'sub')}`
    const broker = await startBroker({ pub, sub })
    expect(broker.endpoints).toEqual({ pub, sub })
    expect(await passOneFrame(broker.endpoints)).toEqual(['topic', 'body'])
  })

  it.runIf(hasIPv6)('frames over IPv6', async () => {
    const { endpoints } = await startBroker({ host: '::1' })
    expect(endpoints.pub).toMatch(/^tcp:\/\/\[::1\]:\d+$/)
    expect(await passOneFrame(endpoints)).toEqual(['topic', 'body'])
  })
})

describe('a broker listens', () => {
  it('on two free ports of the system’s choice where the port is 0', async () => {
    const { endpoints } = await startBroker()
    expect(endpoints.pub).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/)
    expect(endpoints.sub).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/)
    expect(endpoints.pub).not.toBe(endpoints.sub)
  })

  it('on full endpoints, whatever the host', async () => {
    const pub = 'tcp://127.0.0.2:*'
    const { endpoints } = await startBroker({
      pub,
      host: 'nonsense.invalid',
      sub: 'tcp://127.0.0.1:0',
    })
    expect(endpoints.pub).toMatch(/^tcp:\/\/127\.0\.0\.2:\d+$/)
    expect(endpoints.sub).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/)
  })

  it('on a host given by name', async () => {
    const { endpoints } = await startBroker({ host: 'localhost' })
    expect(endpoints.pub).toMatch(/^tcp:\/\/(127\.0\.0\.1|\[::1\]):\d+$/)
  })

  it('on a network interface given by name', async () => {
    const [name] =
      Object.entries(networkInterfaces()).find(([, addresses]) =>
        addresses?.some(({ address }) => address === '127.0.0.1'),
      ) ?? []
    const { endpoints } = await startBroker({ host: name })
    expect(endpoints.pub).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/)
  })

  it('again on the same ports as soon as it has stopped', async () => {
    const ports = { pub: await freePort(), sub: await freePort() }
    const { endpoints } = await startBroker(ports).then(async (first) => {
      const { endpoints } = first
      await first.stop()
      return { endpoints }
    })
    for (let round = 0; round < 20; round++) {
      const broker = await startBroker({ ...endpoints })
      expect(broker.endpoints).toEqual(endpoints)
      await broker.stop()
    }
  })

  it('where a broker that was killed left its socket behind', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'pub')
    const killed = await serve(['--pub', `ipc://${path}`])
    killed.child.kill('SIGKILL')
    await killed.exit
    expect((await stat(path)).isSocket()).toBe(true)

    const broker = await startBroker({ pub: `ipc://${path}` })
    expect(await passOneFrame(broker.endpoints)).toEqual(['topic', 'body'])
  })
})

describe('a broker that cannot listen says why', () => {
  it('when the port is in use, and frees the port that it had already', async () => {
    const port = portOf(await occupy({ port: 0 }))
    const { endpoints } = await startBroker().then(async (broker) => {
      const { endpoints } = broker
      await broker.stop()
      return { endpoints }
    })
    const failed = new Broker({ pub: endpoints.pub, sub: port })
    const error = await failureOf(failed.start())
    expect(error).toBeInstanceOf(BrokerBindError)
    expect(error).toMatchObject({
      option: 'sub',
      code: 'EADDRINUSE',
      endpoint: `tcp://127.0.0.1:${port}`,
      message:
        `port ${port} on 127.0.0.1 is already in use: ` +
        'stop what listens there, or choose another port with option "sub"',
    })

    const next = await startBroker({ pub: endpoints.pub })
    expect(next.endpoints.pub).toBe(endpoints.pub)
  })

  it('and can be started again once the port is free', async () => {
    const server = await occupy({ port: 0 })
    const broker = new Broker({ pub: portOf(server), sub: 0 })
    onTestFinished(() => broker.stop())
    expect(await failureOf(broker.start())).toMatchObject({ option: 'pub', code: 'EADDRINUSE' })
    server.close()
    await once(server, 'close')
    await broker.start()
    expect(await passOneFrame(broker.endpoints)).toEqual(['topic', 'body'])
  })

  it.each([
    [{ host: '192.0.2.1' }, 'host', '192.0.2.1 is not an address of this machine'],
    [{ pub: 'tcp://192.0.2.1:0' }, 'pub', '192.0.2.1 is not an address of this machine'],
    [{ host: 'nonsense.invalid' }, 'host', 'there is no address for the host nonsense.invalid'],
    [{ sub: 'ipc:///nonsense/sub' }, 'sub', 'the folder of ipc:///nonsense/sub does not exist'],
    [{ sub: `ipc:///tmp/${'x'.repeat(103)}` }, 'sub', 'is too long for a socket'],
  ])('when the endpoint is none of this machine: %o', async (options, option, problem) => {
    const error = await failureOf(
      new Broker({ pub: 0, sub: 0, insecure: true, ...options }).start(),
    )
    expect(error).toBeInstanceOf(BrokerBindError)
    expect(error).toMatchObject({ option, message: expect.stringContaining(problem) })
    expect(error).toMatchObject({ message: expect.stringContaining(`with option "${option}"`) })
  })

  it('when another process listens on the path, and leaves its socket alone', async () => {
    const path = join(await temporaryFolder(), 'pub')
    const server = await occupy({ path })
    const error = await failureOf(new Broker({ pub: `ipc://${path}`, sub: 0 }).start())
    expect(error).toMatchObject({ code: 'EADDRINUSE', message: expect.stringContaining(path) })
    expect((await stat(path)).isSocket()).toBe(true)
    server.close()
  })

  it('when the path is a file, and leaves the file alone', async () => {
    const path = join(await temporaryFolder(), 'notes.txt')
    await writeFile(path, 'precious')
    const error = await failureOf(new Broker({ pub: `ipc://${path}`, sub: 0 }).start())
    expect(error).toMatchObject({ message: expect.stringContaining('is a file and no socket') })
    expect(await readFile(path, 'utf8')).toBe('precious')
  })
})

describe('a broker can be', () => {
  it('stopped twice, at once and again', async () => {
    const broker = await startBroker()
    await Promise.all([broker.stop(), broker.stop()])
    await broker.stop()
  })

  it('stopped before it is started', async () => {
    await new Broker().stop()
  })

  it('stopped while it starts', async () => {
    const broker = new Broker({ pub: 0, sub: 0 })
    const starting = broker.start()
    await broker.stop()
    await starting
    expect(() => broker.endpoints).toThrow(BrokerStateError)
  })

  it('started again after it was stopped', async () => {
    const broker = await startBroker()
    await broker.stop()
    await broker.start()
    expect(await passOneFrame(broker.endpoints)).toEqual(['topic', 'body'])
  })

  it('stopped while frames pour through it', async () => {
    const broker = await startBroker()
    const publisher = connectPublisher(broker.endpoints)
    const subscriber = connectSubscriber(broker.endpoints, ['topic'])
    await heardSubscription(publisher, 'topic')
    const sent = Array.from({ length: 50 }, () => 'x'.repeat(1000))
    let received = 0
    let pouring = true
    const pour = (async () => {
      while (pouring) {
        for (const body of sent) await publisher.send(['topic', body])
        await new Promise(setImmediate)
      }
    })().catch(() => {})
    const drain = (async () => {
      for await (const _ of subscriber) received++
    })().catch(() => {})
    await until(() => expect(received).toBeGreaterThan(500))
    await broker.stop()
    pouring = false
    subscriber.close()
    publisher.close()
    await Promise.all([pour, drain])
  })
})

describe('a broker refuses', () => {
  it('to start when it has been started', async () => {
    const broker = await startBroker()
    await expect(broker.start()).rejects.toThrow(BrokerStateError)
    await expect(broker.start()).rejects.toThrow('call stop() first')
    expect(await passOneFrame(broker.endpoints)).toEqual(['topic', 'body'])
  })

  it('to name its endpoints, or to be awaited, before it runs and after', async () => {
    const broker = new Broker({ pub: 0, sub: 0 })
    expect(() => broker.endpoints).toThrow('await start() first')
    await expect(broker.ended()).rejects.toThrow(BrokerStateError)
    await broker.start()
    const ended = broker.ended()
    await broker.stop()
    await ended
    expect(() => broker.endpoints).toThrow(BrokerStateError)
  })

  it('to take the last worker thread of its process', async () => {
    const threads = Number(process.env.UV_THREADPOOL_SIZE) || 4
    const brokers: Broker[] = []
    for (let count = 0; count < threads - 1; count++) brokers.push(await startBroker())
    const oneMore = new Broker({ pub: 0, sub: 0 })
    onTestFinished(() => oneMore.stop())
    await expect(oneMore.start()).rejects.toThrow('UV_THREADPOOL_SIZE')

    await brokers[0]?.stop()
    await oneMore.start()
    expect(await passOneFrame(oneMore.endpoints)).toEqual(['topic', 'body'])
  })
})

describe('a broker keeps to its limits', () => {
  it('and cuts off who sends a part larger than it takes', async () => {
    const { endpoints } = await startBroker({ maxMessageSize: 2000 })
    const publisher = connectPublisher(endpoints)
    const subscriber = connectSubscriber(endpoints, ['topic'])
    await heardSubscription(publisher, 'topic')
    await publisher.send(['topic', 'x'.repeat(2000)])
    expect((await subscriber.receive())[1]?.length).toBe(2000)

    await publisher.send(['topic', 'x'.repeat(2001)])
    await heardUnsubscription(publisher, 'topic')
    // It connects again by itself.
    await heardSubscription(publisher, 'topic')
    await publisher.send(['topic', 'after'])
    expect(String((await subscriber.receive())[1])).toBe('after')
  })

  it('and drops frames only for the subscriber that is slow', async () => {
    const { endpoints } = await startBroker({ subHighWaterMark: 10 })
    const publisher = connectPublisher(endpoints)
    const slow = connectSubscriber(endpoints, ['topic', 'slow'], 1)
    await heardSubscription(publisher, 'slow')
    const quick = connectSubscriber(endpoints, ['topic', 'quick'])
    await heardSubscription(publisher, 'quick')
    const count = 400
    const body = 'x'.repeat(100_000)
    for (let number = 0; number < count; number++) {
      await publisher.send(['topic', String(number), body])
      expect(String((await quick.receive())[1])).toBe(String(number))
    }

    const numbers = await receiveUntilEnd(slow, () => publisher.send(['slow', 'end']))
    expect(numbers.length).toBeGreaterThan(0)
    expect(numbers.length).toBeLessThan(count)
    expect(numbers).toEqual(numbers.toSorted((one, other) => one - other))
  })

  it('and gives up a peer that answers no ping', async () => {
    const { endpoints } = await startBroker({ heartbeatInterval: 50, heartbeatTimeout: 100 })
    const publisher = connectPublisher(endpoints)
    const peer = runNode([
      '--input-type=module',
      '--eval',
      `import { Subscriber } from 'zeromq'
       const subscriber = new Subscriber({ linger: 0 })
       subscriber.connect('${endpoints.sub}')
       subscriber.subscribe('frozen')
       for await (const _ of subscriber);`,
    ])
    await heardSubscription(publisher, 'frozen')
    peer.child.kill('SIGSTOP')
    await heardUnsubscription(publisher, 'frozen')
    peer.child.kill('SIGCONT')
    await heardSubscription(publisher, 'frozen')
  })
})

describe('a process with a broker that nobody stopped ends', () => {
  const start = `import { Broker } from 'zmq-broker'
    const broker = new Broker({ pub: 0, sub: 0 })
    await broker.start()`

  it('by process.exit()', async () => {
    const { exit } = runNode(['--input-type=module', '--eval', `${start}; process.exit(7)`])
    expect(await exit).toBe(7)
  })

  it('by an error that nobody catches', async () => {
    const running = runNode(['--input-type=module', '--eval', `${start}; throw new Error('oh')`])
    expect(await running.exit).toBe(1)
    expect(running.stderr()).toContain('Error: oh')
  })
})

/** Receives all that waits for the subscriber, up to an end that is sent until one gets through. */
async function receiveUntilEnd(
  subscriber: Subscriber,
  sendEnd: () => Promise<void>,
): Promise<number[]> {
  const ends = setInterval(() => sendEnd().catch(() => {}), 10)
  try {
    const numbers: number[] = []
    for (;;) {
      const [topic, body] = await subscriber.receive()
      if (String(topic) === 'slow') return numbers
      numbers.push(Number(body))
    }
  } finally {
    clearInterval(ends)
  }
}
