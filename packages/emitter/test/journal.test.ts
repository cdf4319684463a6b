import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Frame, Journal } from '../src/bus/journal.js'

const frame = (topic: string, seq: number, bytes: number, messages = 1): Frame => ({
  topic,
  seq,
  body: Buffer.alloc(bytes, seq),
  messages,
})

const LARGE = { maxBytes: Number.MAX_SAFE_INTEGER, maxAgeMs: 60_000 }

/** Marks the next frame as sent, and returns it. */
function send(journal: Journal, now = 0): Frame | undefined {
  const next = journal.next()
  if (next !== undefined) journal.markSent(next, now)
  return next
}

describe('the journal', () => {
  it('gives frames to be sent in the order in which they were said, whatever their topics', () => {
    const journal = new Journal(LARGE)
    const frames = [frame('a', 1, 10), frame('b', 1, 20), frame('a', 2, 30)]
    for (const each of frames) expect(journal.append(each, 0)).toBeUndefined()
    expect([journal.framesHeld, journal.messagesHeld, journal.bytes]).toEqual([3, 3, 60])
    expect([send(journal), send(journal), send(journal), send(journal)]).toEqual([
      ...frames,
      undefined,
    ])
    expect([journal.framesHeld, journal.messagesHeld]).toEqual([0, 0])
  })

  it('keeps what was sent, to be found by topic and seq', () => {
    const journal = new Journal(LARGE)
    const frames = [1, 2, 3, 4].map((seq) => frame('a', seq, 10))
    const other = frame('b', 1, 10)
    for (const each of [...frames, other]) journal.append(each, 0)
    expect(journal.find('a', 1, 4, 1000)).toEqual({ frames: [], goneTo: 0 })
    for (let i = 0; i < 5; i++) send(journal)
    expect(journal.bytes).toBe(50)
    expect(journal.find('a', 2, 3, 1000)).toEqual({ frames: frames.slice(1, 3), goneTo: 1 })
    expect(journal.find('b', 1, 1, 1000)).toEqual({ frames: [other], goneTo: 0 })
    expect(journal.find('c', 1, 2, 1000)).toEqual({ frames: [], goneTo: 2 })
  })

  it('finds no frame that has not been sent yet', () => {
    const journal = new Journal(LARGE)
    const frames = [1, 2, 3].map((seq) => frame('a', seq, 10))
    for (const each of frames) journal.append(each, 0)
    send(journal)
    expect(journal.find('a', 1, 3, 1000)).toEqual({ frames: frames.slice(0, 1), goneTo: 0 })
  })

  it('finds no more bytes at once than it may, though one frame at least', () => {
    const journal = new Journal(LARGE)
    const frames = [1, 2, 3].map((seq) => frame('a', seq, 10))
    for (const each of frames) journal.append(each, 0)
    for (const _ of frames) send(journal)
    expect(journal.find('a', 1, 3, 25).frames).toEqual(frames.slice(0, 2))
    expect(journal.find('a', 1, 3, 1).frames).toEqual(frames.slice(0, 1))
  })

  it('forgets what was sent when its age has come, and says up to where', () => {
    const journal = new Journal({ maxBytes: 1000, maxAgeMs: 100 })
    for (const seq of [1, 2, 3]) {
      journal.append(frame('a', seq, 10), 0)
    }
    expect(journal.nextExpiry()).toBeUndefined()
    send(journal, 1000)
    send(journal, 1050)
    expect(journal.nextExpiry()).toBe(1100)
    journal.expire(1100)
    expect(journal.find('a', 1, 3, 1000).frames).toHaveLength(2)
    journal.expire(1101)
    expect(journal.find('a', 1, 3, 1000)).toMatchObject({ frames: [{ seq: 2 }], goneTo: 1 })
    // what waits to be sent does not age
    journal.expire(999_999)
    expect(journal.find('a', 1, 3, 1000)).toEqual({ frames: [], goneTo: 2 })
    expect(journal.next()?.seq).toBe(3)
    expect([journal.framesHeld, journal.bytes]).toEqual([1, 10])
  })

  it('makes room by what was sent, without a word, and then by what waits, which it counts', () => {
    const journal = new Journal({ maxBytes: 100, maxAgeMs: 1000 })
    journal.append(frame('a', 1, 40, 3), 0)
    send(journal)
    journal.append(frame('a', 2, 40, 4), 0)
    expect(journal.append(frame('a', 3, 50, 5), 0)).toBeUndefined()
    expect(journal.find('a', 1, 1, 1000)).toEqual({ frames: [], goneTo: 1 })
    expect(journal.append(frame('a', 4, 60, 6), 0)).toEqual({ frames: 2, messages: 9 })
    expect(journal.next()?.seq).toBe(4)
    expect([journal.framesHeld, journal.messagesHeld, journal.bytes]).toEqual([1, 6, 60])
  })

  it('lets a frame through that is larger than its bound, and keeps it until the next', () => {
    const journal = new Journal({ maxBytes: 100, maxAgeMs: 1000 })
    const large = frame('a', 1, 500)
    expect(journal.append(large, 0)).toBeUndefined()
    expect(journal.next()).toBe(large)
    send(journal)
    expect(journal.append(frame('a', 2, 10), 0)).toBeUndefined()
    expect(journal.bytes).toBe(10)
  })

  it('is not confused when a frame was given up while it was being sent', () => {
    const journal = new Journal({ maxBytes: 100, maxAgeMs: 1000 })
    const [first, second] = [frame('a', 1, 60), frame('a', 2, 60)]
    journal.append(first, 0)
    expect(journal.next()).toBe(first)
    expect(journal.append(second, 0)).toEqual({ frames: 1, messages: 1 })
    journal.markSent(first, 0)
    expect(journal.next()).toBe(second)
    expect(journal.framesHeld).toBe(1)
  })

  it('does not keep the body of a frame without a number once that was sent', () => {
    const journal = new Journal(LARGE)
    journal.append(frame('own', 0, 50, 0), 0)
    journal.append(frame('a', 1, 10), 0)
    expect(send(journal)?.body).toHaveLength(50)
    expect(journal.bytes).toBe(10)
    expect(send(journal)?.seq).toBe(1)
    expect(journal.find('own', 0, 0, 1000).frames).toEqual([])
  })

  it('keeps order, bounds and counts whatever is done to it', () => {
    const topic = fc.constantFrom('a', 'b')
    const operation = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          topic,
          isNumbered: fc.nat(5).map((n) => n > 0),
          bytes: fc.nat(60),
          messages: fc.nat(5),
        }),
      },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('send' as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(60) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('find' as const),
          topic,
          from: fc.integer({ min: 1, max: 40 }),
          count: fc.integer({ min: 1, max: 40 }),
        }),
      },
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 400 }),
        fc.array(operation, { maxLength: 200 }),
        (maxBytes, operations) => {
          const maxAgeMs = 100
          const journal = new Journal({ maxBytes, maxAgeMs })
          let now = 0
          const lastSeq: Record<string, number> = { a: 0, b: 0 }
          let model: { frame: Frame; bytes: number; sentAt?: number }[] = []
          const bytes = () => model.reduce((sum, each) => sum + each.bytes, 0)
          const waiting = () => model.filter(({ sentAt }) => sentAt === undefined)
          const expire = () => {
            const kept = model.findIndex(
              ({ sentAt }) => sentAt === undefined || sentAt >= now - maxAgeMs,
            )
            model = kept === -1 ? [] : model.slice(kept)
          }

          for (const operation of operations) {
            if (operation.kind === 'append') {
              const seq = operation.isNumbered ? ++lastSeq[operation.topic]! : 0
              const added = frame(operation.topic, seq, operation.bytes, operation.messages)
              expire()
              model.push({ frame: added, bytes: operation.bytes })
              const before = waiting()
              while (bytes() > maxBytes && model.length > 1) model.shift()
              const dropped = before.filter((each) => !model.includes(each))
              const messages = dropped.reduce((sum, each) => sum + each.frame.messages, 0)
              expect(journal.append(added, now)).toEqual(
                dropped.length === 0 ? undefined : { frames: dropped.length, messages },
              )
            } else if (operation.kind === 'send') {
              const [next] = waiting()
              expect(journal.next()).toBe(next?.frame)
              if (next === undefined) continue
              journal.markSent(next.frame, now)
              next.sentAt = now
              if (next.frame.seq === 0) next.bytes = 0
            } else if (operation.kind === 'wait') {
              now += operation.ms
              journal.expire(now)
              expire()
            } else {
              const { topic, from } = operation
              const to = from + operation.count - 1
              const kept = model.filter(({ frame }) => frame.topic === topic && frame.seq > 0)
              const first = kept[0]?.frame.seq ?? Number.POSITIVE_INFINITY
              const sent = kept.filter(
                ({ frame, sentAt }) => sentAt !== undefined && frame.seq >= from && frame.seq <= to,
              )
              expect(journal.find(topic, from, to, 1_000_000)).toEqual({
                frames: sent.map(({ frame }) => frame),
                goneTo: Math.max(from - 1, Math.min(to, first - 1)),
              })
            }
            expect(journal.bytes).toBe(bytes())
            expect(journal.bytes).toBeLessThanOrEqual(Math.max(maxBytes, model.at(-1)?.bytes ?? 0))
            expect(journal.framesHeld).toBe(waiting().length)
            expect(journal.messagesHeld).toBe(
              waiting().reduce((sum, { frame }) => sum + frame.messages, 0),
            )
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('knows the last that was sent on a topic before a time, as far as it keeps it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ waitMs: fc.nat(20), isSent: fc.boolean() }), { maxLength: 30 }),
        fc.nat(200),
        fc.nat(300),
        (steps, maxAgeMs, time) => {
          const journal = new Journal({ maxBytes: Number.MAX_SAFE_INTEGER, maxAgeMs })
          const sentAt: number[] = []
          let now = 0
          for (const [i, { waitMs, isSent }] of steps.entries()) {
            now += waitMs
            journal.append(frame('other', i + 1, 1), now)
            journal.append(frame('a', i + 1, 1), now)
            while (isSent && send(journal, now) !== undefined) {}
            while (isSent && sentAt.length <= i) sentAt.push(now)
          }
          const isKept = (at: number) => at >= now - maxAgeMs
          journal.expire(now)
          const before = sentAt.filter((at) => at < time || !isKept(at)).length
          const expected = sentAt.some(isKept) ? before : undefined
          expect(journal.lastBefore('a', time)).toBe(expected)
        },
      ),
    )
  })

  it('tells which frames it gives up that were never sent', () => {
    const journal = new Journal({ maxBytes: 25, maxAgeMs: 60_000 })
    const givenUp: string[] = []
    const append = (each: Frame) =>
      journal.append(each, 0, ({ topic, seq }) => givenUp.push(`${topic} ${seq}`))
    append(frame('a', 1, 10))
    send(journal)
    append(frame('b', 1, 10))
    append(frame('a', 2, 10))
    append(frame('a', 3, 10))
    expect(givenUp).toEqual(['b 1'])
  })

  it('keeps the order of many thousands, while they come and go', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3000), fc.nat(3000)), { minLength: 1, maxLength: 12 }),
        (rounds) => {
          const journal = new Journal({ maxBytes: Number.MAX_SAFE_INTEGER, maxAgeMs: 1 })
          let added = 0
          let sent = 0
          let now = 0
          for (const [additions, sendings] of rounds) {
            for (let i = 0; i < additions; i++) journal.append(frame('a', ++added, 0), now)
            for (let i = 0; i < sendings && sent < added; i++) {
              if (send(journal, now)?.seq !== ++sent) throw new Error(`not ${sent}`)
            }
            expect(journal.framesHeld).toBe(added - sent)
            expect(journal.next()?.seq).toBe(sent < added ? sent + 1 : undefined)
            now += 2
            journal.expire(now)
            expect(journal.find('a', 1, added, 1).goneTo).toBe(sent)
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})
