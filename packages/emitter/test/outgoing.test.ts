import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { XPublisher } from 'zeromq'
import { Audience } from '../src/bus/audience.js'
import { Directing } from '../src/bus/directing.js'
import { MessageTooLargeError } from '../src/bus/errors.js'
import { Journal, type Overflow } from '../src/bus/journal.js'
import { Outgoing } from '../src/bus/outgoing.js'
import { BucketSet } from '../src/wire/bucket-set.js'
import { ControlType, writeControl } from '../src/wire/control.js'
import { EVERYONE, readHeader } from '../src/wire/frame.js'
import { MsgpackReader, type MsgpackWriter } from '../src/wire/msgpack.js'
import { until } from './support/until.js'
import { decodeAll, frame, UID } from './support/values.js'

const KIB = 1024

interface Sent {
  topic: string
  seq: number
  requires: readonly number[] | undefined
  /** What the messages say. */
  said: unknown[]
  bytes: number
}

/** A publisher that does what it is told with each frame. */
class FakePublisher {
  readonly sent: Sent[] = []
  /** Whether a send is under way. */
  isBusy = false
  /** What comes of the next sends; nothing means that they succeed at once. */
  readonly results: (Promise<void> | Error)[] = []

  async send([topic, body]: [string, Buffer]): Promise<void> {
    if (this.isBusy) throw Object.assign(new Error('the socket is busy'), { code: 'EBUSY' })
    this.isBusy = true
    try {
      const result = this.results.shift()
      if (result instanceof Error) throw result
      await result
      const [header, ...messages] = decodeAll(body) as [unknown[], ...unknown[][]]
      expect(header.slice(0, 2)).toEqual([1, UID])
      const said = messages.map(([, words]) => words)
      const { seq, requires } = readHeader(new MsgpackReader(body))
      this.sent.push({ topic, seq, requires, said, bytes: body.length })
    } finally {
      this.isBusy = false
    }
  }

  /** Holds back the next send until the function that is returned is called. */
  hold(): () => void {
    let release!: () => void
    this.results.push(
      new Promise((resolve) => {
        release = resolve
      }),
    )
    return release
  }

  /** Refuses the next sends, as ZeroMQ does while its queue is full. */
  refuse(times: number): void {
    for (let i = 0; i < times; i++) {
      this.results.push(Object.assign(new Error('try again'), { code: 'EAGAIN' }))
    }
  }

  /** Topic, seq and messages of each frame. */
  get frames() {
    return this.sent.map(({ topic, seq, said }) => [topic, seq, ...said])
  }
}

function setUp({
  maxBytes = 1024 * KIB,
  maxMessageBytes = 1024 * KIB,
  gatherMs = 0,
  isUp = true,
} = {}) {
  const publisher = new FakePublisher()
  const journal = new Journal({ maxBytes, maxAgeMs: 60_000 })
  const overflows: Overflow[] = []
  const errors: Error[] = []
  const audience = new Audience()
  const outgoing = new Outgoing({
    uid: UID,
    socket: publisher as unknown as XPublisher,
    journal,
    maxMessageBytes,
    gatherMs,
    steadyTopic: 'a',
    isNumbered: true,
    buckets: {
      directing: new Directing(audience, 'by-cost', 0),
      topic: (bucket) => `bucket ${bucket}`,
      isTopic: (topic) => topic.startsWith('bucket'),
    },
    onSent: () => {},
    onOverflow: (overflow) => overflows.push(overflow),
    onError: (error) => errors.push(error),
  })
  if (isUp) {
    outgoing.linkProbing()
    outgoing.linkUp()
  }
  onTestFinished(() => outgoing.close())
  const say = (topic: string, words: string) => outgoing.say(topic, message(words))
  return { publisher, journal, overflows, errors, audience, outgoing, say }
}

/** Writes the message `[9, words]`. */
const message = (words: string) => (writer: MsgpackWriter) => {
  writer.arrayHeader(2)
  writer.uint(9)
  writer.string(words)
}

describe('the way out', () => {
  it('puts the messages of one turn of the event loop into one frame for each topic', async () => {
    const { publisher, say } = setUp()
    say('a', '1')
    say('b', '2')
    say('a', '3')
    await Promise.resolve()
    say('a', '4')
    expect(publisher.sent).toEqual([])
    await until(() => publisher.sent.length === 2)
    expect(publisher.frames).toEqual([
      ['a', 1, '1', '3', '4'],
      ['b', 1, '2'],
    ])
  })

  it('begins a frame for each turn', async () => {
    const { publisher, say } = setUp()
    for (const words of ['1', '2', '3']) {
      say('a', words)
      await turn()
    }
    await until(() => publisher.sent.length === 3)
    expect(publisher.frames).toEqual([
      ['a', 1, '1'],
      ['a', 2, '2'],
      ['a', 3, '3'],
    ])
  })

  it('gathers over several turns while a frame has just gone and each turn adds something', async () => {
    const { publisher, say } = setUp({ gatherMs: 600_000 })
    say('a', '1')
    await until(() => publisher.sent.length === 1)
    for (const words of ['2', '3', '4']) {
      say('a', words)
      await turn()
    }
    // nothing is added in this turn
    await until(() => publisher.sent.length === 2)
    expect(publisher.frames).toEqual([
      ['a', 1, '1'],
      ['a', 2, '2', '3', '4'],
    ])
  })

  it('sends a frame that has grown to 64 KiB without waiting for the turn’s end', async () => {
    const { publisher, say } = setUp()
    const words = 'x'.repeat(KIB)
    for (let i = 0; i < 64; i++) say('a', words)
    await Promise.resolve()
    expect(publisher.sent).toHaveLength(1)
    expect(publisher.sent[0]?.bytes).toBeGreaterThanOrEqual(64 * KIB)
    expect(publisher.sent[0]?.bytes).toBeLessThan(66 * KIB)
    say('a', 'last')
    await until(() => publisher.sent.length === 2)
    expect(publisher.frames[1]).toEqual(['a', 2, 'last'])
  })

  it('sends one frame after the other, never two at a time', async () => {
    const { publisher, errors, say } = setUp()
    const release = publisher.hold()
    say('a', '1')
    await until(() => publisher.isBusy)
    for (const words of ['2', '3']) {
      say('a', words)
      say('b', words)
      await turn()
    }
    expect(publisher.sent).toEqual([])
    release()
    await until(() => publisher.sent.length === 5)
    expect(publisher.frames).toEqual([
      ['a', 1, '1'],
      ['a', 2, '2'],
      ['b', 1, '2'],
      ['a', 3, '3'],
      ['b', 2, '3'],
    ])
    expect(errors).toEqual([])
  })

  it('tries again what ZeroMQ has no room for, and keeps the order', async () => {
    const { publisher, errors, say, outgoing } = setUp()
    publisher.refuse(3)
    say('a', '1')
    say('b', '2')
    await turn()
    say('a', '3')
    expect(outgoing.held).toBe(3)
    await until(() => publisher.sent.length === 3)
    expect(publisher.frames).toEqual([
      ['a', 1, '1'],
      ['b', 1, '2'],
      ['a', 2, '3'],
    ])
    expect(errors).toEqual([])
    expect(outgoing.held).toBe(0)
  })

  it('reports any other error of the socket, and goes on with the next frame', async () => {
    const { publisher, errors, say } = setUp()
    publisher.results.push(new Error('broken'))
    say('a', '1')
    say('b', '2')
    await until(() => publisher.sent.length === 1)
    expect(publisher.frames).toEqual([['b', 1, '2']])
    expect(errors.map(({ message }) => message)).toEqual(['broken'])
  })

  it('holds while the link is down, and sends in order when it is up', async () => {
    const { publisher, journal, say, outgoing } = setUp({ isUp: false })
    say('a', '1')
    await turn()
    say('b', '2')
    say('a', '3')
    await turn()
    expect([publisher.sent, outgoing.held, journal.framesHeld]).toEqual([[], 3, 3])
    outgoing.linkProbing()
    await turn()
    expect(publisher.sent).toEqual([])
    outgoing.linkUp()
    await until(() => publisher.sent.length === 3)
    expect(publisher.frames).toEqual([
      ['a', 1, '1'],
      ['b', 1, '2'],
      ['a', 2, '3'],
    ])
    expect(outgoing.held).toBe(0)
  })

  it('stops when the link goes down, and goes on where it stopped', async () => {
    const { publisher, say, outgoing } = setUp()
    const release = publisher.hold()
    for (const words of ['1', '2', '3']) {
      say('a', words)
      await turn()
    }
    outgoing.linkDown()
    release()
    await until(() => publisher.sent.length === 1)
    await turn()
    expect(publisher.frames).toEqual([['a', 1, '1']])
    outgoing.linkProbing()
    outgoing.linkUp()
    await until(() => publisher.sent.length === 3)
    expect(publisher.frames.slice(1)).toEqual([
      ['a', 2, '2'],
      ['a', 3, '3'],
    ])
  })

  it('tells what it gives up when more waits than the journal holds', async () => {
    const { publisher, overflows, say, outgoing } = setUp({ maxBytes: 3 * KIB, isUp: false })
    for (let i = 1; i <= 5; i++) {
      say('a', `${i}${'x'.repeat(KIB - 100)}`)
      say('a', 'y')
      outgoing.flush()
    }
    expect(overflows).toEqual([
      { frames: 1, messages: 2 },
      { frames: 1, messages: 2 },
    ])
    outgoing.linkProbing()
    outgoing.linkUp()
    await until(() => publisher.sent.length === 3)
    // those who hear it see by the numbers that they have missed two
    expect(publisher.sent.map(({ seq, said }) => [seq, `${said[0]}`[0]])).toEqual([
      [3, '3'],
      [4, '4'],
      [5, '5'],
    ])
  })

  it('lets no trace of a message behind whose writing failed', async () => {
    const { publisher, journal, say, outgoing } = setUp()
    const fail = (writer: MsgpackWriter) => {
      message('half a message')(writer)
      throw new Error('cannot be written')
    }
    expect(() => outgoing.say('a', fail)).toThrow('cannot be written')
    expect([outgoing.held, journal.framesHeld]).toEqual([0, 0])
    await turn()
    say('a', '1')
    expect(() => outgoing.say('a', fail)).toThrow('cannot be written')
    expect(() => outgoing.say('b', fail)).toThrow('cannot be written')
    say('b', '2')
    say('a', '3')
    await until(() => publisher.sent.length === 2)
    expect(publisher.frames).toEqual([
      ['a', 1, '1', '3'],
      ['b', 1, '2'],
    ])
    expect(outgoing.messagesSent).toBe(3)
  })

  it('refuses a message that is larger than may be sent, and lets no trace of it behind', async () => {
    const { publisher, say } = setUp({ maxMessageBytes: 2 * KIB })
    const tooLarge = 'x'.repeat(2 * KIB)
    expect(() => say('a', tooLarge)).toThrow(MessageTooLargeError)
    expect(() => say('a', tooLarge)).toThrow(
      /a message of 2053 bytes .*maxMessageBytes.*--max-message-size/,
    )
    say('a', '1')
    expect(() => say('a', tooLarge)).toThrow(MessageTooLargeError)
    say('a', '2')
    await until(() => publisher.sent.length === 1)
    expect(publisher.frames).toEqual([['a', 1, '1', '2']])
  })

  it('gives a large message a frame of its own where it does not fit behind the small ones', async () => {
    const { publisher, say } = setUp({ maxMessageBytes: 2 * KIB })
    const large = 'x'.repeat(1.5 * KIB - 10)
    const small = 'y'.repeat(150)
    for (const words of [small, small, large, '3']) say('a', words)
    await until(() => publisher.sent.flatMap(({ said }) => said).length === 4)
    expect(publisher.frames).toEqual([
      ['a', 1, small, small],
      ['a', 2, large, '3'],
    ])
  })

  it('sends no frame that is larger than may be sent, nor one whose repair would be', async () => {
    const { publisher, say } = setUp({ maxMessageBytes: 2 * KIB })
    const topic = `${'k'.repeat(200)}/n/${UID}`
    let refused = 0
    for (let size = 1500; size <= 1600; size++) {
      say(topic, 'small')
      try {
        say(topic, 'x'.repeat(size))
      } catch (error) {
        expect(error).toBeInstanceOf(MessageTooLargeError)
        refused++
      }
    }
    expect(refused).toBeGreaterThan(0)
    await until(() => publisher.sent.flatMap(({ said }) => said).length === 2 * 101 - refused)
    for (const { bytes } of publisher.sent) {
      expect(bytes).toBeLessThanOrEqual(2 * KIB)
      const body = Buffer.alloc(bytes)
      const repair = frame((w) => writeControl(w, { type: ControlType.REPAIR, topic, body }), 0)
      expect(repair.length).toBeLessThanOrEqual(2 * KIB)
    }
  })

  it('counts what it has sent', async () => {
    const { publisher, say, outgoing } = setUp()
    for (const words of ['1', '2']) say('a', words)
    say('b', '3')
    await until(() => publisher.sent.length === 2)
    await turn()
    expect([outgoing.framesSent, outgoing.messagesSent]).toEqual([2, 3])
    expect(outgoing.bytesSent).toBe(publisher.sent.reduce((sum, { bytes }) => sum + bytes, 0))
    expect([outgoing.lastSent('a'), outgoing.lastSent('b'), outgoing.lastSent('c')]).toEqual([
      1, 1, 0,
    ])
  })

  it('sends control messages without a number, before all that waits or behind it', async () => {
    const { publisher, say, outgoing } = setUp()
    const release = publisher.hold()
    say('a', '1')
    await until(() => publisher.isBusy)
    say('a', '2')
    outgoing.sayLast('own', message('last'))
    outgoing.sayFirst('own', message('first'))
    release()
    await until(() => publisher.sent.length === 4)
    expect(publisher.frames).toEqual([
      ['a', 1, '1'],
      ['own', 0, 'first'],
      ['a', 2, '2'],
      ['own', 0, 'last'],
    ])
  })

  it('sends control messages as soon as a broker is there, and drops them while there is none', async () => {
    const { publisher, say, outgoing } = setUp({ isUp: false })
    say('a', '1')
    outgoing.sayFirst('own', message('too early'))
    outgoing.linkProbing()
    outgoing.sayFirst('own', message('probe'))
    await until(() => publisher.sent.length === 1)
    outgoing.linkDown()
    outgoing.sayFirst('own', message('too late'))
    outgoing.linkProbing()
    outgoing.linkUp()
    await until(() => publisher.sent.length === 2)
    expect(publisher.frames).toEqual([
      ['own', 0, 'probe'],
      ['a', 1, '1'],
    ])
  })

  it('goes on with the steady topic’s numbers however many topics there have been', async () => {
    const { publisher, say, outgoing } = setUp({ maxBytes: KIB, isUp: false })
    say('a', '1')
    for (let i = 0; i < 70_000; i++) {
      say(`node ${i}`, 'answer')
      if (i % 1000 === 0) outgoing.flush()
    }
    say('a', '2')
    outgoing.flush()
    outgoing.linkProbing()
    outgoing.linkUp()
    await until(() => outgoing.held === 0)
    expect(publisher.frames.at(-1)).toEqual(['a', 2, '2'])
  })

  it('sends nothing more after it was closed, and does not report that', async () => {
    const { publisher, errors, say, outgoing } = setUp()
    publisher.refuse(1)
    say('a', '1')
    outgoing.flush()
    outgoing.close()
    await turn()
    say('a', '2')
    await turn()
    expect([publisher.sent, errors]).toEqual([[], []])
  })

  it('numbers the frames of each topic without a hole and keeps the order, whatever happens', async () => {
    const topic = fc.constantFrom('a', 'b', 'c')
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('say'), topic, size: fc.nat(900) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('say'), topic, size: fc.nat(70 * KIB) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail'), topic }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('too large'), topic }) },
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constantFrom('turn', 'flush', 'refuse', 'down', 'up') }),
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const maxMessageBytes = 80 * KIB
        const { publisher, errors, overflows, outgoing, say } = setUp({
          maxMessageBytes,
          maxBytes: 100_000 * KIB,
          isUp: false,
        })
        const said: Record<string, string[]> = { a: [], b: [], c: [] }
        let count = 0
        for (const step of steps as { kind: string; topic: string; size: number }[]) {
          if (step.kind === 'say') {
            const words = `${++count} ${'x'.repeat(step.size)}`
            say(step.topic, words)
            said[step.topic]?.push(words)
          } else if (step.kind === 'fail') {
            const fail = () => {
              throw new Error('cannot be written')
            }
            expect(() => outgoing.say(step.topic, fail)).toThrow('cannot be written')
          } else if (step.kind === 'too large') {
            expect(() => say(step.topic, 'x'.repeat(maxMessageBytes))).toThrow(MessageTooLargeError)
          } else if (step.kind === 'turn') await turn()
          else if (step.kind === 'flush') outgoing.flush()
          else if (step.kind === 'refuse') publisher.refuse(1)
          else if (step.kind === 'down') outgoing.linkDown()
          else {
            outgoing.linkProbing()
            outgoing.linkUp()
          }
        }
        outgoing.linkProbing()
        outgoing.linkUp()
        await until(() => outgoing.held === 0 && !publisher.isBusy)
        for (const topic of ['a', 'b', 'c']) {
          const frames = publisher.sent.filter((frame) => frame.topic === topic)
          expect(frames.map(({ seq }) => seq)).toEqual(frames.map((_, i) => i + 1))
          expect(frames.flatMap(({ said }) => said)).toEqual(said[topic])
          for (const { bytes } of frames) expect(bytes).toBeLessThanOrEqual(maxMessageBytes)
        }
        expect([errors, overflows]).toEqual([[], []])
        outgoing.close()
      }),
      { numRuns: 200 },
    )
  })
})

describe('the way out to buckets', () => {
  /** Many nodes that have told that they follow nothing, so that directing always pays. */
  function setUpDirecting(options: Parameters<typeof setUp>[0] = {}) {
    const bench = setUp(options)
    for (let i = 0; i < 1_000; i++) {
      bench.audience.joined(`node ${i}`)
      bench.audience.tell(`node ${i}`, new BucketSet())
    }
    const sayTo = (bucket: number | undefined, words: string) =>
      bench.outgoing.say('a', message(words), bucket)
    return { ...bench, sayTo }
  }

  /** Topic, seq, what is required and messages of each frame. */
  const framesOf = ({ sent }: FakePublisher) =>
    sent.map(({ topic, seq, requires = [], said }) => [topic, seq, requires, ...said])

  it('makes a frame for each run of messages to the same bucket', async () => {
    const { publisher, outgoing, sayTo } = setUpDirecting()
    for (const [bucket, words] of [
      [1, 'x'],
      [1, 'y'],
      [2, 'z'],
      [1, 'u'],
    ] as const) {
      sayTo(bucket, words)
    }
    await until(() => publisher.sent.length === 3)
    expect(framesOf(publisher)).toEqual([
      ['bucket 1', 1, [], 'x', 'y'],
      ['bucket 2', 1, [], 'z'],
      ['bucket 1', 2, [], 'u'],
    ])
    expect([outgoing.framesDirected, outgoing.messagesSent]).toEqual([3, 4])
  })

  it('sends all to everyone if something is for everyone', async () => {
    const { publisher, outgoing, sayTo } = setUpDirecting()
    sayTo(1, 'x')
    sayTo(undefined, 'y')
    sayTo(2, 'z')
    await until(() => publisher.sent.length === 1)
    expect(framesOf(publisher)).toEqual([['a', 1, [], 'x', 'y', 'z']])
    expect(outgoing.framesDirected).toBe(0)
  })

  it('names on each side what was said before on the other', async () => {
    const { publisher, outgoing, sayTo } = setUpDirecting()
    const words: [number | undefined, string][] = [
      [1, '1'],
      [2, '2'],
      [1, '3'],
      [undefined, '4'],
      [1, '5'],
      [undefined, '6'],
      [undefined, '7'],
      [2, '8'],
    ]
    for (const [bucket, text] of words) {
      sayTo(bucket, text)
      outgoing.flush()
    }
    await until(() => publisher.sent.length === 8)
    expect(framesOf(publisher)).toEqual([
      ['bucket 1', 1, [], '1'],
      ['bucket 2', 1, [], '2'],
      ['bucket 1', 2, [], '3'],
      ['a', 1, [1, 2, 2, 1], '4'],
      ['bucket 1', 3, [EVERYONE, 1], '5'],
      ['a', 2, [1, 3], '6'],
      ['a', 3, [], '7'],
      ['bucket 2', 2, [EVERYONE, 3], '8'],
    ])
  })

  it('says between whiles to everyone what the next frame to everyone would have to name', async () => {
    const { publisher, outgoing, sayTo } = setUpDirecting({ maxMessageBytes: 1024 * KIB })
    for (let bucket = 0; bucket < 600; bucket++) sayTo(bucket, 'x')
    outgoing.flush()
    await until(() => outgoing.held === 0 && !publisher.isBusy)
    const empty = publisher.sent.filter(({ topic }) => topic === 'a')
    expect(empty.map(({ seq, said, requires }) => [seq, said, requires?.length])).toEqual([
      [1, [], 512],
      [2, [], 512],
    ])
  })

  it('keeps the numbers of the steady topic when a frame for everyone is directed instead', async () => {
    const { publisher, outgoing, sayTo } = setUpDirecting()
    for (const bucket of [undefined, 1, undefined]) {
      sayTo(bucket, 'x')
      outgoing.flush()
    }
    await until(() => publisher.sent.length === 3)
    expect(publisher.frames).toEqual([
      ['a', 1, 'x'],
      ['bucket 1', 1, 'x'],
      ['a', 2, 'x'],
    ])
  })

  it('writes what it always wrote while nobody can be spared anything', async () => {
    const { publisher, outgoing } = setUp()
    outgoing.say('a', message('x'), 1)
    outgoing.say('a', message('y'))
    await until(() => publisher.sent.length === 1)
    expect(publisher.sent).toMatchObject([{ topic: 'a', seq: 1, requires: undefined }])
  })

  it('counts what it gives up as said, for those who hear what requires it', async () => {
    const { publisher, outgoing, sayTo } = setUpDirecting({ maxBytes: KIB, isUp: false })
    for (let i = 0; i < 3; i++) {
      sayTo(1, 'x'.repeat(800))
      outgoing.flush()
    }
    expect(outgoing.lastSent('bucket 1')).toBe(2)
    sayTo(undefined, 'y')
    outgoing.linkProbing()
    outgoing.linkUp()
    await until(() => publisher.sent.length === 2)
    expect(publisher.sent.map(({ topic, seq }) => [topic, seq])).toEqual([
      ['bucket 1', 3],
      ['a', 1],
    ])
  })

  it('never forgets the number of a bucket', async () => {
    const { publisher, outgoing, say, sayTo } = setUpDirecting({ maxBytes: KIB, isUp: false })
    sayTo(1, 'x')
    outgoing.flush()
    for (let i = 0; i < 70_000; i++) {
      say(`node ${i}`, 'answer')
      if (i % 1000 === 0) outgoing.flush()
    }
    sayTo(1, 'y')
    outgoing.flush()
    outgoing.linkProbing()
    outgoing.linkUp()
    await until(() => outgoing.held === 0)
    expect(publisher.frames.at(-1)).toEqual(['bucket 1', 2, 'y'])
  })
})
