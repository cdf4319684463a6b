import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Inbox, type InboxOptions } from '../src/bus/inbox.js'
import { EVERYONE } from '../src/wire/frame.js'

const TOPIC = 'key/*'
const OWN_TOPIC = 'key/n/us'

const OPTIONS: InboxOptions = {
  nakDelayMs: 0,
  nakIntervalMs: 100,
  repairTimeoutMs: 10_000,
  unreachableTimeoutMs: 5_000,
  startTimeoutMs: 1_000,
  forgetMs: 60_000,
  maxHeldBytes: 1000,
  maxHeldBytesOfAll: 1_000_000,
  maxHeldFrames: 1_000,
  maxSenders: 10,
}

/** An inbox with a clock, and a record of what it did. Frames are their own seqs, of 10 bytes each. */
class Bench {
  now = 0
  readonly unreachable = new Set<string>()
  /** The topics of the buckets that are followed. */
  readonly followed = new Map<number, string>()
  readonly delivered: string[] = []
  naks: string[] = []
  asks: string[] = []
  readonly doubts: string[] = []
  readonly gaps: string[] = []
  readonly inbox: Inbox<number>

  constructor(options: Partial<InboxOptions> = {}) {
    this.inbox = new Inbox(
      { ...OPTIONS, ...options },
      {
        deliver: (sender, topic, frame) =>
          this.delivered.push(`${sender}${topic === TOPIC ? '' : ` ${topic}`} ${frame}`),
        nak: (sender, _, from, to) => this.naks.push(`${sender} ${from}-${to}`),
        doubt: (sender, _, seq) => this.doubts.push(`${sender} ${seq}`),
        ask: (sender) => this.asks.push(sender),
        gap: (sender, _, frames) => this.gaps.push(`${sender} ${frames}`),
        isReachable: (sender) => !this.unreachable.has(sender),
        isBucket: (topic) => topic.startsWith('key/b/'),
        startsAtOne: (_, topic) => topic === OWN_TOPIC,
        topicOf: (number) => (number === EVERYONE ? TOPIC : this.followed.get(number)),
      },
    )
  }

  receive(sender: string, seq: number, topic = TOPIC, requires?: number[]) {
    return this.inbox.receive(sender, topic, seq, seq, 10, this.now, requires)
  }

  /** What a sender tells that was there before us, or came after us. */
  digest(sender: string, last: number, isOlder: boolean): void {
    this.inbox.digest(sender, TOPIC, last, isOlder ? last + 1 : 1, this.now)
  }

  /** Lets time pass, and everything happen that is due in it. */
  wait(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const next = this.inbox.nextTick()
      if (next === undefined || next > end) break
      this.now = Math.max(this.now, next)
      this.inbox.tick(this.now)
    }
    this.now = end
  }

  /** What was asked for since the last time that somebody looked. */
  asked(): string[] {
    const { naks } = this
    this.naks = []
    return naks
  }
}

describe('the inbox', () => {
  it('delivers at once what comes in order', () => {
    const bench = new Bench()
    for (const seq of [1, 2, 3]) expect(bench.receive('a', seq)).toBe('delivered')
    expect(bench.delivered).toEqual(['a 1', 'a 2', 'a 3'])
    expect(bench.inbox.isWaiting).toBe(false)
    expect(bench.inbox.nextTick()).toBeUndefined()
  })

  it('delivers nothing twice, be it delivered or held back', () => {
    const bench = new Bench()
    for (const seq of [1, 2, 4]) bench.receive('a', seq)
    for (const seq of [1, 2, 4]) expect(bench.receive('a', seq)).toBe('duplicate')
    bench.receive('a', 3)
    expect(bench.receive('a', 3)).toBe('duplicate')
    expect(bench.receive('a', 4)).toBe('duplicate')
    expect(bench.delivered).toEqual(['a 1', 'a 2', 'a 3', 'a 4'])
  })

  it('holds back what follows a hole, asks for the hole, and goes on when it is filled', () => {
    const bench = new Bench()
    bench.receive('a', 1)
    expect(bench.receive('a', 4)).toBe('held')
    expect(bench.asked()).toEqual(['a 2-3'])
    expect(bench.receive('a', 5)).toBe('held')
    expect([bench.inbox.heldFrames, bench.inbox.heldBytes]).toEqual([2, 20])
    expect(bench.receive('a', 2)).toBe('delivered')
    expect(bench.delivered).toEqual(['a 1', 'a 2'])
    bench.receive('a', 3)
    expect(bench.delivered).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 5'])
    expect([bench.inbox.heldFrames, bench.inbox.heldBytes, bench.inbox.lost]).toEqual([0, 0, 0])
    expect(bench.inbox.isWaiting).toBe(false)
    bench.wait(100_000)
    expect(bench.asked()).toEqual([])
  })

  it('asks for each of several holes', () => {
    const bench = new Bench()
    for (const seq of [1, 3, 6]) bench.receive('a', seq)
    bench.asked()
    bench.wait(100)
    expect(bench.asked()).toEqual(['a 2-2', 'a 4-5'])
  })

  it('asks again until the hole is filled, less and less often', () => {
    const bench = new Bench()
    bench.receive('a', 1)
    bench.receive('a', 3)
    const times: number[] = []
    while (bench.inbox.isWaiting) {
      if (bench.asked().length > 0) times.push(bench.now)
      bench.wait(100)
      if (bench.now > 4000) bench.receive('a', 2)
    }
    const pauses = times.slice(1).map((time, i) => time - times[i]!)
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b))
    expect(pauses.length).toBeGreaterThan(2)
    expect(bench.inbox.lost).toBe(0)
  })

  it('waits a little before it asks, where another broker may bring the frame', () => {
    const bench = new Bench({ nakDelayMs: 40 })
    bench.receive('a', 1)
    bench.receive('a', 3)
    bench.wait(39)
    expect(bench.asked()).toEqual([])
    bench.wait(1)
    expect(bench.asked()).toEqual(['a 2-2'])
    bench.receive('a', 2)
    bench.receive('a', 5)
    bench.wait(30)
    bench.receive('a', 4)
    bench.wait(1000)
    expect(bench.asked()).toEqual([])
  })

  it('gives a hole up that is not filled in time, counts it, says so, and goes on', () => {
    const bench = new Bench()
    for (const seq of [1, 4, 5, 8]) bench.receive('a', seq)
    bench.wait(10_000)
    expect(bench.gaps).toEqual(['a 2'])
    expect(bench.delivered).toEqual(['a 1', 'a 4', 'a 5'])
    bench.wait(10_000)
    expect(bench.gaps).toEqual(['a 2', 'a 2'])
    expect(bench.delivered).toEqual(['a 1', 'a 4', 'a 5', 'a 8'])
    expect(bench.inbox.lost).toBe(4)
    expect(bench.inbox.isWaiting).toBe(false)
    // what comes after all comes too late
    expect(bench.receive('a', 2)).toBe('duplicate')
    expect(bench.receive('a', 9)).toBe('delivered')
  })

  it('goes on at once when the sender says that it does not have the frames any more', () => {
    const bench = new Bench()
    for (const seq of [1, 5, 7]) bench.receive('a', seq)
    bench.inbox.gone('a', TOPIC, 2, 4, bench.now)
    expect(bench.delivered).toEqual(['a 1', 'a 5'])
    expect([bench.gaps, bench.inbox.lost]).toEqual([['a 3'], 3])
    expect(bench.asked()).toContain('a 6-6')
    bench.receive('a', 6)
    expect(bench.delivered.at(-1)).toBe('a 7')
  })

  it('delivers what it holds of a range that is gone at the sender, and loses the rest', () => {
    const bench = new Bench()
    for (const seq of [1, 4, 6, 9]) bench.receive('a', seq)
    bench.wait(100) // by then each hole has been asked for
    bench.inbox.gone('a', TOPIC, 2, 7, bench.now)
    expect(bench.delivered).toEqual(['a 1', 'a 4', 'a 6'])
    expect([bench.gaps, bench.inbox.lost]).toEqual([['a 4'], 4])
    bench.receive('a', 8)
    expect(bench.delivered).toEqual(['a 1', 'a 4', 'a 6', 'a 8', 'a 9'])
  })

  describe('hears what its sender has not said:', () => {
    it('a frame far ahead, until the sender says that it is none of its own', () => {
      const bench = new Bench()
      bench.receive('a', 1)
      expect(bench.receive('a', 1_000_000)).toBe('held')
      expect(bench.asked()).toEqual(['a 2-999999'])
      expect(bench.inbox.unsent('a', TOPIC, 1, bench.now)).toBe(true)
      expect([bench.inbox.isWaiting, bench.inbox.heldFrames, bench.inbox.heldBytes]).toEqual([
        false,
        0,
        0,
      ])
      for (const seq of [2, 3]) expect(bench.receive('a', seq)).toBe('delivered')
      expect(bench.delivered).toEqual(['a 1', 'a 2', 'a 3'])
      expect(bench.gaps).toEqual([])
    })

    it('a digest, while the sender goes on', () => {
      const bench = new Bench()
      bench.receive('a', 1)
      bench.digest('a', 2 ** 31, false)
      expect(bench.asked()).toEqual([`a 2-${2 ** 31}`])
      bench.receive('a', 2) // it was on its way
      bench.inbox.unsent('a', TOPIC, 2, bench.now)
      bench.receive('a', 3)
      expect(bench.delivered).toEqual(['a 1', 'a 2', 'a 3'])
      expect([bench.inbox.isWaiting, bench.inbox.lost]).toEqual([false, 0])
    })

    it('where its sequence starts', () => {
      const bench = new Bench()
      bench.digest('a', 1_000, true)
      for (const seq of [57, 58]) {
        expect(bench.inbox.has('a', TOPIC, seq)).toBe(true)
        bench.inbox.repeated('a', TOPIC, seq, bench.now)
      }
      expect(bench.doubts).toEqual(['a 1000'])
      bench.inbox.unsent('a', TOPIC, 58, bench.now)
      expect(bench.asked()).toEqual(['a 57-58'])
      for (const seq of [57, 58, 59]) bench.receive('a', seq)
      expect(bench.delivered).toEqual(['a 57', 'a 58', 'a 59'])
      bench.inbox.repeated('a', TOPIC, 58, bench.now)
      expect(bench.doubts).toHaveLength(1)
    })

    it('what has been given up already', () => {
      const bench = new Bench()
      bench.receive('a', 1)
      bench.digest('a', 500, false)
      bench.wait(20_000)
      expect(bench.gaps).toEqual(['a 499'])
      bench.inbox.repeated('a', TOPIC, 2, bench.now)
      expect(bench.doubts).toEqual(['a 500'])
      bench.inbox.unsent('a', TOPIC, 2, bench.now)
      bench.receive('a', 2)
      bench.receive('a', 3)
      expect(bench.delivered).toEqual(['a 1', 'a 2', 'a 3'])
    })

    it('that cannot be, which is refused', () => {
      const bench = new Bench()
      bench.receive('a', 1)
      for (const seq of [2 ** 33, 2 ** 52, Number.MAX_SAFE_INTEGER]) {
        expect(bench.receive('a', seq)).toBe('refused')
        expect(bench.inbox.digest('a', TOPIC, seq, 1, bench.now)).toBe(false)
        expect(bench.inbox.digest('b', TOPIC, seq + 2 ** 48, seq, bench.now)).toBe(false)
      }
      expect(bench.inbox.isWaiting).toBe(false)
      expect(bench.receive('a', 2)).toBe('delivered')
      expect(bench.receive('b', 1)).toBe('delivered')
    })

    it('as it is forgotten and comes back', () => {
      const bench = new Bench({ maxSenders: 1 })
      bench.receive('a', 1)
      bench.digest('a', 500, false)
      bench.receive('b', 1) // there is room for one
      expect(bench.gaps).toEqual(['a 499'])
      bench.digest('a', 2, false)
      bench.inbox.repeated('a', TOPIC, 2, bench.now)
      expect(bench.doubts).toEqual(['a 500'])
      bench.inbox.unsent('a', TOPIC, 2, bench.now)
      expect(bench.receive('a', 2)).toBe('delivered')
    })

    it('only what cannot be, and is forgotten and heard again', () => {
      const bench = new Bench({ maxSenders: 1 })
      bench.digest('a', Number.MAX_SAFE_INTEGER, true)
      bench.receive('a', Number.MAX_SAFE_INTEGER)
      bench.receive('b', 1)
      expect(bench.receive('a', 1)).toBe('delivered')
      expect(bench.delivered).toEqual(['b 1', 'a 1'])
    })

    it('that frames are gone, or were not sent, which were not asked for', () => {
      const bench = new Bench()
      for (const seq of [1, 4]) bench.receive('a', seq)
      expect(bench.inbox.gone('a', TOPIC, 1, 100, bench.now)).toBe(false)
      expect(bench.inbox.gone('a', TOPIC, 4, Number.MAX_SAFE_INTEGER, bench.now)).toBe(false)
      expect(bench.inbox.gone('b', TOPIC, 1, 1, bench.now)).toBe(false)
      expect(bench.inbox.unsent('a', TOPIC, 3, bench.now)).toBe(false)
      expect(bench.inbox.unsent('b', TOPIC, 0, bench.now)).toBe(false)
      for (const seq of [2, 3]) bench.receive('a', seq)
      expect(bench.delivered).toEqual(['a 1', 'a 2', 'a 3', 'a 4'])
      expect(bench.gaps).toEqual([])
    })
  })

  it('holds back no more than it may of all senders together', () => {
    const bytes = new Bench({ maxHeldBytesOfAll: 25 })
    for (const sender of ['a', 'b', 'c']) bytes.receive(sender, 1)
    expect(['a', 'b', 'c'].map((sender) => bytes.receive(sender, 3))).toEqual([
      'held',
      'held',
      'dropped',
    ])
    const frames = new Bench({ maxHeldFrames: 1 })
    for (const sender of ['a', 'b']) frames.receive(sender, 1)
    expect(['a', 'b'].map((sender) => frames.receive(sender, 3))).toEqual(['held', 'dropped'])
    frames.receive('a', 2)
    expect(frames.receive('b', 3)).toBe('held')
  })

  it('takes no notice of a word about frames that it has, does not wait for, or never heard of', () => {
    const bench = new Bench()
    for (const seq of [1, 2, 3]) bench.receive('a', seq)
    bench.inbox.gone('a', TOPIC, 1, 3, bench.now)
    bench.inbox.gone('a', TOPIC, 4, 9, bench.now)
    bench.inbox.gone('a', 'other', 1, 9, bench.now)
    bench.inbox.gone('stranger', TOPIC, 1, 9, bench.now)
    expect(bench.receive('a', 4)).toBe('delivered')
    expect([bench.gaps, bench.inbox.lost, bench.inbox.senders]).toEqual([[], 0, 1])
  })

  it('learns from a digest that the last frame was lost', () => {
    const bench = new Bench()
    bench.receive('a', 1)
    bench.digest('a', 3, true)
    expect(bench.asked()).toEqual(['a 2-3'])
    bench.receive('a', 2)
    bench.receive('a', 3)
    expect(bench.delivered).toEqual(['a 1', 'a 2', 'a 3'])
    expect(bench.inbox.isWaiting).toBe(false)
  })

  it('expects all frames of a sender that came after it, and asks for the first that it missed', () => {
    const bench = new Bench()
    bench.digest('a', 2, false)
    expect(bench.asked()).toEqual(['a 1-2'])
  })

  it('expects of a sender that was there before only what comes after its digest', () => {
    const bench = new Bench()
    bench.digest('a', 7, true)
    expect(bench.asked()).toEqual([])
    expect(bench.receive('a', 7)).toBe('duplicate')
    expect(bench.receive('a', 8)).toBe('delivered')
    expect(bench.inbox.lost).toBe(0)
  })

  it('asks a sender where it stands whose first frame is not its first, and waits for the answer', () => {
    const bench = new Bench()
    expect(bench.receive('a', 5)).toBe('held')
    expect(bench.asks).toEqual(['a'])
    bench.receive('a', 6)
    bench.digest('a', 6, true)
    expect(bench.delivered).toEqual(['a 5', 'a 6'])
    expect([bench.inbox.lost, bench.inbox.isWaiting]).toEqual([0, false])
  })

  it('begins with the first frame that came of a sender that does not tell where it stands', () => {
    const bench = new Bench()
    for (const seq of [5, 6, 8]) bench.receive('a', seq)
    bench.wait(1000)
    expect(bench.delivered).toEqual(['a 5', 'a 6'])
    expect(bench.asked()).toContain('a 7-7')
    expect(bench.inbox.lost).toBe(0)
  })

  it('begins on its own topic with 1, whatever comes first', () => {
    const bench = new Bench()
    bench.receive('a', 3, OWN_TOPIC)
    expect(bench.asked()).toEqual(['a 1-2'])
    bench.inbox.digest('b', OWN_TOPIC, 2, 3, 0)
    expect(bench.asked()).toEqual(['b 1-2'])
  })

  it('keeps the topics of a sender apart, and the senders of a topic', () => {
    const bench = new Bench()
    bench.receive('a', 1)
    bench.receive('a', 3)
    expect(bench.receive('b', 1)).toBe('delivered')
    expect(bench.receive('a', 1, 'own')).toBe('delivered')
    expect(bench.receive('b', 2)).toBe('delivered')
    expect(bench.delivered).toEqual(['a 1', 'b 1', 'a own 1', 'b 2'])
  })

  it('asks nothing of a sender that cannot be reached, and at once when it can be again', () => {
    const bench = new Bench()
    bench.receive('a', 1)
    bench.inbox.reachable('a', false, bench.now)
    bench.receive('a', 3)
    bench.wait(3000)
    expect(bench.asked()).toEqual([])
    bench.inbox.reachable('a', true, bench.now)
    bench.wait(0)
    expect(bench.asked()).toEqual(['a 2-2'])
    bench.wait(9000)
    expect(bench.gaps).toEqual([])
  })

  it('gives up sooner what a sender that cannot be reached would have to repair', () => {
    const bench = new Bench()
    bench.unreachable.add('a')
    bench.receive('a', 1)
    bench.receive('a', 3)
    bench.wait(4_999)
    expect(bench.gaps).toEqual([])
    bench.wait(1)
    expect(bench.gaps).toEqual(['a 1'])
    expect(bench.delivered).toEqual(['a 1', 'a 3'])
  })

  it('waits as long as the link is down, and has the whole time again when it is up', () => {
    const bench = new Bench()
    bench.receive('a', 1)
    bench.receive('a', 3)
    bench.asked()
    bench.inbox.pause()
    expect(bench.inbox.nextTick()).toBeUndefined()
    bench.wait(1_000_000)
    expect([bench.asked(), bench.gaps]).toEqual([[], []])
    bench.inbox.resume(bench.now)
    bench.wait(0)
    expect(bench.asked()).toEqual(['a 2-2'])
    bench.wait(9_999)
    expect(bench.gaps).toEqual([])
    bench.wait(1)
    expect(bench.gaps).toEqual(['a 1'])
  })

  it('holds back no more bytes than it may, and asks again for what it had to drop', () => {
    const bench = new Bench({ maxHeldBytes: 25 })
    bench.receive('a', 1)
    expect([3, 4, 5, 6].map((seq) => bench.receive('a', seq))).toEqual([
      'held',
      'held',
      'dropped',
      'dropped',
    ])
    expect(bench.inbox.heldBytes).toBe(20)
    bench.receive('a', 2)
    expect(bench.delivered).toEqual(['a 1', 'a 2', 'a 3', 'a 4'])
    bench.asked()
    bench.wait(2000)
    expect(bench.asked()).toContain('a 5-6')
    bench.receive('a', 5)
    bench.receive('a', 6)
    expect(bench.inbox.lost).toBe(0)
    expect(bench.delivered.at(-1)).toBe('a 6')
  })

  it('remembers no more senders than it may, and forgets first those that have left', () => {
    const bench = new Bench({ maxSenders: 3 })
    for (const sender of ['a', 'b', 'c']) bench.receive(sender, 1)
    bench.receive('b', 3)
    bench.inbox.reachable('b', false, bench.now)
    bench.receive('d', 1)
    expect(bench.inbox.senders).toBe(3)
    expect([bench.inbox.heldFrames, bench.inbox.isWaiting]).toEqual([0, false])
    expect(bench.receive('a', 1)).toBe('duplicate')
    for (const sender of 'efghij') bench.receive(sender, 1)
    expect(bench.inbox.senders).toBe(3)
    expect(bench.receive('j', 1)).toBe('duplicate')
  })

  it('forgets a sender some time after it has left, and not if it comes back before', () => {
    const bench = new Bench({ forgetMs: 1000 })
    bench.receive('a', 1)
    bench.receive('b', 1)
    bench.inbox.reachable('a', false, bench.now)
    bench.inbox.reachable('b', false, bench.now)
    bench.wait(999)
    bench.inbox.reachable('b', true, bench.now)
    bench.wait(1000)
    expect(bench.inbox.senders).toBe(1)
    expect(bench.receive('b', 1)).toBe('duplicate')
    expect(bench.inbox.nextTick()).toBeUndefined()
  })

  it('remembers through an outage, however long, those who left with the link', () => {
    const bench = new Bench({ forgetMs: 1000 })
    bench.receive('a', 1)
    bench.inbox.reachable('a', false, bench.now)
    bench.inbox.pause()
    bench.wait(50_000)
    bench.inbox.resume(bench.now)
    bench.wait(999)
    expect(bench.receive('a', 1)).toBe('duplicate')
    bench.wait(1)
    expect(bench.inbox.senders).toBe(0)
  })
})

describe('the inbox, of what is said to everyone and to buckets,', () => {
  const B1 = 'key/b/001'
  const B2 = 'key/b/002'

  /** An inbox that follows buckets 1 and 2. */
  function following(options: Partial<InboxOptions> = {}): Bench {
    const bench = new Bench(options)
    bench.followed.set(1, B1)
    bench.followed.set(2, B2)
    return bench
  }

  it('delivers at once what comes in the order of saying', () => {
    const bench = following()
    expect(bench.receive('a', 1, B1)).toBe('delivered')
    expect(bench.receive('a', 1, TOPIC, [1, 1])).toBe('delivered')
    expect(bench.receive('a', 2, B1, [EVERYONE, 1])).toBe('delivered')
    expect(bench.receive('a', 1, B2, [EVERYONE, 1])).toBe('delivered')
    expect(bench.receive('a', 2, TOPIC, [1, 2, 2, 1])).toBe('delivered')
    expect(bench.asked()).toEqual([])
    expect(bench.inbox.isWaiting).toBe(false)
  })

  it('holds back what is for a bucket until what was said to everyone before has come', () => {
    const bench = following()
    bench.receive('a', 1)
    expect(bench.receive('a', 1, B1, [EVERYONE, 2])).toBe('held')
    expect(bench.asked()).toEqual(['a 2-2'])
    expect(bench.receive('a', 2)).toBe('delivered')
    expect(bench.delivered).toEqual(['a 1', 'a 2', `a ${B1} 1`])
  })

  it('holds back what is for everyone until what was said to its buckets before has come', () => {
    const bench = following()
    bench.receive('a', 1, B1)
    bench.receive('a', 1, B2)
    bench.delivered.length = 0
    expect(bench.receive('a', 1, TOPIC, [1, 2, 2, 3])).toBe('held')
    expect(bench.asked()).toEqual(['a 2-2', 'a 2-3'])
    bench.receive('a', 2, B1)
    bench.receive('a', 3, B2)
    expect(bench.delivered).toEqual([`a ${B1} 2`])
    bench.receive('a', 2, B2)
    expect(bench.delivered).toEqual([`a ${B1} 2`, `a ${B2} 2`, `a ${B2} 3`, 'a 1'])
  })

  it('passes over what is required on buckets that it does not follow', () => {
    const bench = following()
    expect(bench.receive('a', 1, TOPIC, [3, 5, 4, 1])).toBe('delivered')
  })

  it('asks where a bucket starts that is required, before it delivers what requires it', () => {
    const bench = following()
    expect(bench.receive('a', 1, TOPIC, [1, 5])).toBe('held')
    expect(bench.asks).toEqual(['a'])
    bench.inbox.digest('a', B1, 5, 6, bench.now)
    expect(bench.delivered).toEqual(['a 1'])
  })

  it('waits for what was said to a bucket since it is followed', () => {
    const bench = following()
    bench.receive('a', 1, TOPIC, [1, 5])
    bench.inbox.digest('a', B1, 5, 5, bench.now)
    bench.wait(0)
    expect([bench.delivered, bench.asked()]).toEqual([[], ['a 5-5']])
    bench.receive('a', 5, B1)
    expect(bench.delivered).toEqual([`a ${B1} 5`, 'a 1'])
  })

  it('goes on through a long row of frames that wait for one another', () => {
    const bench = following({
      maxHeldBytes: 10_000_000,
      maxHeldBytesOfAll: 10_000_000,
      maxHeldFrames: 100_000,
    })
    bench.receive('a', 1, B1)
    for (let seq = 2; seq <= 20_000; seq++) {
      bench.receive('a', seq, TOPIC, [1, seq])
      bench.receive('a', seq, B1, [EVERYONE, seq - 1])
    }
    expect(bench.inbox.heldFrames).toBe(39_998)
    bench.receive('a', 1)
    expect([bench.inbox.heldFrames, bench.inbox.heldBytes]).toEqual([0, 0])
    expect(bench.delivered.slice(-2)).toEqual([`a ${B1} 20000`, 'a 20000'])
  })

  it('gives up what is missing, and nothing that waits for it', () => {
    const bench = following()
    bench.receive('a', 1)
    bench.receive('a', 1, B1, [EVERYONE, 2])
    bench.receive('a', 2, B1, [EVERYONE, 2])
    bench.wait(9_999)
    expect(bench.gaps).toEqual([])
    bench.wait(1)
    expect(bench.gaps).toEqual(['a 1'])
    expect(bench.delivered).toEqual(['a 1', `a ${B1} 1`, `a ${B1} 2`])
    expect(bench.inbox.isWaiting).toBe(false)
  })

  it('gives a hole its own time once what it stands behind has come', () => {
    const bench = following()
    bench.receive('a', 1)
    bench.receive('a', 1, B1, [EVERYONE, 2])
    bench.receive('a', 3, B1, [EVERYONE, 2])
    bench.wait(9_000)
    bench.receive('a', 2)
    expect(bench.delivered).toEqual(['a 1', 'a 2', `a ${B1} 1`])
    bench.wait(9_999)
    expect(bench.gaps).toEqual([])
    bench.wait(1)
    expect(bench.gaps).toEqual(['a 1'])
    expect(bench.delivered.at(-1)).toBe(`a ${B1} 3`)
  })

  it('gives up at once all that a sender would have to repair that does not come back', () => {
    const bench = following()
    bench.receive('a', 1)
    bench.receive('a', 1, B1, [EVERYONE, 2])
    bench.receive('a', 3, B1, [EVERYONE, 2])
    bench.receive('a', 3, TOPIC, [1, 3])
    bench.receive('a', 5, TOPIC)
    bench.unreachable.add('a')
    bench.inbox.reachable('a', false, bench.now)
    bench.wait(5_000)
    expect(bench.delivered).toEqual(['a 1', `a ${B1} 1`, `a ${B1} 3`, 'a 3', 'a 5'])
    expect([bench.inbox.lost, bench.inbox.isWaiting, bench.inbox.heldFrames]).toEqual([3, false, 0])
  })

  it('has again later what waits for another topic and found no room', () => {
    const bench = following({ maxHeldBytes: 15 })
    bench.receive('a', 1)
    expect(bench.receive('a', 1, B1, [EVERYONE, 2])).toBe('held')
    expect(bench.receive('a', 1, B2, [EVERYONE, 2])).toBe('dropped')
    expect(bench.asked()).toEqual(['a 2-2'])
    bench.wait(9_000)
    bench.naks = []
    bench.receive('a', 2)
    expect([bench.delivered.at(-1), bench.asked()]).toEqual([`a ${B1} 1`, ['a 1-1']])
    expect(bench.receive('a', 1, B2, [EVERYONE, 2])).toBe('delivered')
    expect(bench.inbox.lost).toBe(0)
  })

  it('delivers what is in a circle, which only a forger can make', () => {
    const bench = following()
    bench.receive('a', 1, B1, [2, 1])
    bench.receive('a', 1, B2, [1, 1])
    expect(bench.delivered).toHaveLength(2)
    expect(bench.inbox.heldFrames).toBe(0)
  })

  it('lets go what requires what was never sent, once the sender has said so', () => {
    const bench = following()
    bench.receive('a', 1)
    bench.receive('a', 1, B1)
    expect(bench.receive('a', 2, TOPIC, [1, 9])).toBe('held')
    expect(bench.asked()).toEqual(['a 2-9'])
    bench.inbox.unsent('a', B1, 1, bench.now)
    expect(bench.delivered.at(-1)).toBe('a 2')
    expect([bench.inbox.isWaiting, bench.inbox.heldFrames]).toEqual([false, 0])
    expect(bench.receive('a', 2, B1)).toBe('delivered')
  })

  it('does not believe what requires something that cannot be', () => {
    const bench = following()
    bench.receive('a', 1, B1)
    expect(bench.receive('a', 1, TOPIC, [1, 2 ** 40])).toBe('delivered')
    expect(bench.receive('a', 2, TOPIC, [2, 2 ** 50])).toBe('delivered')
    expect(bench.inbox.isWaiting).toBe(false)
  })

  it('forgets what it holds of a bucket that it leaves, counts nothing as lost, and goes on', () => {
    const bench = following()
    bench.receive('a', 1, B1)
    bench.receive('a', 3, B1)
    bench.receive('a', 1, TOPIC, [1, 3])
    expect(bench.inbox.heldFrames).toBe(2)
    bench.followed.delete(1)
    bench.inbox.unfollow(B1, bench.now)
    expect(bench.delivered).toEqual([`a ${B1} 1`, 'a 1'])
    expect([bench.inbox.heldFrames, bench.inbox.heldBytes, bench.inbox.lost]).toEqual([0, 0, 0])
    expect(bench.inbox.isWaiting).toBe(false)
  })

  it('starts anew in a bucket to which it comes back, also of senders that it had forgotten', () => {
    const bench = following({ forgetMs: 1_000 })
    bench.receive('a', 1, B1)
    bench.receive('a', 1, B2)
    bench.unreachable.add('a')
    bench.inbox.reachable('a', false, bench.now)
    bench.wait(1_000)
    expect(bench.inbox.senders).toBe(0)
    bench.inbox.unfollow(B1, bench.now)
    expect(bench.receive('a', 5, B1)).toBe('held')
    expect(bench.receive('a', 2, B2)).toBe('delivered')
  })

  it('does not deliver behind something to everyone what was said before it and before we came', () => {
    const bench = following()
    bench.receive('a', 1)
    bench.receive('a', 2)
    bench.inbox.follow(B1)
    bench.inbox.digest('a', B1, 6, 4, bench.now)
    bench.receive('a', 4, B1)
    bench.receive('a', 5, B1, [EVERYONE, 1])
    bench.receive('a', 6, B1, [EVERYONE, 2])
    expect(bench.delivered).toEqual(['a 1', 'a 2', `a ${B1} 6`])
    expect(bench.inbox.lost).toBe(0)
  })
})

/** Random numbers from a seed (mulberry32), so that a schedule is one number in a report. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Schedule {
  seed: number
  frames: number
  /** Of a hundred frames, and of a hundred other messages, so many are lost, and doubled. */
  lost: number
  doubled: number
  maxDelayMs: number
  /** How many frames the sender keeps. */
  kept: number
  maxHeld: number
  nakDelayMs: number
  /** Whether the sender was there before the receiver. */
  isOlder: boolean
}

/** A sender, an inbox, and between them a network that loses, doubles and reorders for a while. */
function simulate(schedule: Schedule) {
  const { frames, kept, lost, doubled, maxDelayMs, isOlder } = schedule
  const next = random(schedule.seed)
  // shorter than the inbox waits for anything
  const chaosMs = 1000
  let now = 0
  const queue: { at: number; run(): void }[] = []
  const later = (ms: number, run: () => void) => {
    const at = now + ms
    let i = queue.length
    while (i > 0 && queue[i - 1]!.at > at) i--
    queue.splice(i, 0, { at, run })
  }
  const send = (run: () => void) => {
    const isChaos = now < chaosMs
    if (isChaos && next() * 100 < lost) return
    later(next() * maxDelayMs, run)
    if (isChaos && next() * 100 < doubled) later(next() * maxDelayMs, run)
  }

  let said = 0
  const delivered: number[] = []
  const gone = new Set<number>()
  let gaps = 0
  const inbox = new Inbox<number>(
    {
      ...OPTIONS,
      startTimeoutMs: 10_000,
      nakDelayMs: schedule.nakDelayMs,
      maxHeldBytes: schedule.maxHeld * 10,
    },
    {
      deliver: (_sender, _topic, frame) => delivered.push(frame),
      nak: (_sender, _topic, from, to) => send(() => repair(from, Math.min(to, said))),
      doubt: (_sender, _topic, seq) => send(() => repair(seq, seq)),
      ask: () => send(() => tell()),
      gap: (_sender, _topic, count) => {
        gaps += count
      },
      isReachable: () => true,
      isBucket: () => false,
      startsAtOne: () => false,
      topicOf: () => undefined,
    },
  )
  const receive = (seq: number) => inbox.receive('a', TOPIC, seq, seq, 10, now)
  const repair = (from: number, to: number) => {
    const oldest = said - kept + 1
    const goneTo = Math.min(to, oldest - 1)
    for (let seq = from; seq <= goneTo; seq++) gone.add(seq)
    if (goneTo >= from) send(() => inbox.gone('a', TOPIC, from, goneTo, now))
    for (let seq = Math.max(from, oldest); seq <= to; seq++) send(() => receive(seq))
  }
  const tell = () => {
    const last = said
    send(() => inbox.digest('a', TOPIC, last, isOlder ? last + 1 : 1, now))
  }

  for (let i = 0; i < frames; i++) {
    later(next() * chaosMs, () => {
      const seq = ++said
      send(() => receive(seq))
    })
  }
  later(chaosMs, tell)
  for (let steps = 0; steps < 100_000; steps++) {
    const due = inbox.nextTick() ?? Number.POSITIVE_INFINITY
    const event = queue[0]
    if (event === undefined && due === Number.POSITIVE_INFINITY) {
      return { inbox, delivered, gone, gaps }
    }
    if (event !== undefined && event.at <= due) {
      queue.shift()
      now = event.at
      event.run()
    } else {
      now = Math.max(now, due)
      inbox.tick(now)
    }
    if (inbox.heldBytes > schedule.maxHeld * 10) throw new Error('more is held back than may be')
    if (inbox.heldFrames * 10 !== inbox.heldBytes) throw new Error('what is held is miscounted')
  }
  throw new Error('it does not come to rest')
}

describe('an inbox on a network that loses, doubles and reorders', () => {
  const schedule = fc.record({
    seed: fc.integer(),
    frames: fc.nat(25),
    lost: fc.constantFrom(0, 5, 30, 60),
    doubled: fc.constantFrom(0, 30, 100),
    maxDelayMs: fc.constantFrom(0, 1, 50, 300),
    kept: fc.constant(1000),
    maxHeld: fc.constantFrom(1, 3, 1000),
    nakDelayMs: fc.constantFrom(0, 40),
    isOlder: fc.constant(false),
  })

  it('delivers every frame, once and in order, if the sender keeps them', () => {
    fc.assert(
      fc.property(schedule, (schedule) => {
        const { inbox, delivered } = simulate(schedule)
        expect(delivered).toEqual(Array.from({ length: schedule.frames }, (_, i) => i + 1))
        expect([inbox.lost, inbox.heldFrames, inbox.isWaiting]).toEqual([0, 0, false])
      }),
      { numRuns: 10_000 },
    )
  })

  it('delivers every frame from where it begins, of a sender that was there before', () => {
    fc.assert(
      fc.property(schedule, (schedule) => {
        const { inbox, delivered } = simulate({ ...schedule, isOlder: true })
        const first = delivered[0] ?? schedule.frames + 1
        const all = Array.from({ length: schedule.frames + 1 - first }, (_, i) => first + i)
        expect(delivered).toEqual(all)
        expect([inbox.lost, inbox.heldFrames, inbox.isWaiting]).toEqual([0, 0, false])
      }),
      { numRuns: 5000 },
    )
  })

  it('loses what the sender does not keep, and nothing else, and says how much that was', () => {
    fc.assert(
      fc.property(schedule, fc.nat(10), (schedule, kept) => {
        const { inbox, delivered, gone, gaps } = simulate({ ...schedule, kept })
        expect(delivered).toEqual([...new Set(delivered)].sort((a, b) => a - b))
        expect(inbox.lost).toBe(schedule.frames - delivered.length)
        expect(gaps).toBe(inbox.lost)
        const had = new Set(delivered)
        for (let seq = 1; seq <= schedule.frames; seq++) {
          if (!had.has(seq)) expect(gone.has(seq)).toBe(true)
        }
        expect([inbox.heldFrames, inbox.isWaiting]).toEqual([0, false])
      }),
      { numRuns: 5000 },
    )
  })
})
