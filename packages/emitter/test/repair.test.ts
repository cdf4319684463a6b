import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Inbox, type InboxOptions } from '../src/bus/inbox.js'
import { FIGURES, type Figures, simulate } from './simulation.js'

/** How many random schedules are run. */
const RUNS = Number(process.env.SIMULATION_RUNS ?? 10_000)
/** The one schedule that is run instead, and tells its story. */
const SEED = process.env.SIMULATION_SEED
/** Far more than a schedule takes. */
const MAX_MS_PER_RUN = 10
/** How many schedules are run in one turn of the event loop. */
const RUNS_PER_TURN = 500
/** So many schedules have everything in them that can happen, and this often. */
const TELLING = { runs: 5_000, schedules: 50 }

describe('journals, digests and inboxes on a network that loses, repeats and delays', () => {
  if (SEED === undefined) {
    const timeoutMs = 30_000 + RUNS * MAX_MS_PER_RUN
    it(`keep every guarantee in ${RUNS} random schedules`, simulateMany, timeoutMs)
  } else {
    it(`keep every guarantee in schedule ${SEED}`, () => {
      console.log(simulate(Number(SEED), (line) => console.log(line)))
    })
  }
})

async function simulateMany(): Promise<void> {
  const base = Math.floor(Math.random() * 0x1_0000_0000)
  const happened = FIGURES.map((figure) => ({ figure, schedules: 0, total: 0 }))
  const started = process.cpuUsage()
  for (let run = 0; run < RUNS; run++) {
    if (run % RUNS_PER_TURN === 0) await nextTurn()
    const figures = simulateOrTell((base + run) >>> 0)
    for (const each of happened) {
      each.total += figures[each.figure]
      if (figures[each.figure] > 0) each.schedules++
    }
  }
  if (process.env.SIMULATION_RUNS !== undefined) {
    const { user, system } = process.cpuUsage(started)
    console.log(`${RUNS} schedules from ${base} on, in ${(user + system) / 1e6} s of CPU`)
    console.table(happened)
  }
  // a network on which nothing goes wrong would prove nothing
  const rare = happened.filter(({ schedules }) => schedules < TELLING.schedules)
  if (RUNS >= TELLING.runs) expect(rare).toEqual([])
}

function simulateOrTell(seed: number): Figures {
  try {
    return simulate(seed)
  } catch (cause) {
    const replay = `SIMULATION_SEED=${seed} npx vitest run packages/emitter/test/repair.test.ts`
    throw new Error(`${(cause as Error).message}\nin schedule ${seed}; to see it: ${replay}`, {
      cause,
    })
  }
}

describe('the inbox, where the simulation found it wrong,', () => {
  const TOPIC = 'key/*'

  function makeInbox(options: Partial<InboxOptions> = {}) {
    const delivered: string[] = []
    const naks: string[] = []
    const gaps: string[] = []
    const inbox = new Inbox<number>(
      {
        nakDelayMs: 0,
        nakIntervalMs: 100,
        repairTimeoutMs: 10_000,
        unreachableTimeoutMs: 10_000,
        startTimeoutMs: 1_000,
        forgetMs: 60_000,
        maxHeldBytes: 1_000,
        maxHeldBytesOfAll: 1_000_000,
        maxHeldFrames: 1_000,
        maxSenders: 10,
        ...options,
      },
      {
        deliver: (sender, _, seq) => delivered.push(`${sender} ${seq}`),
        nak: (sender, _, from, to) => naks.push(`${sender} ${from}-${to}`),
        doubt: () => {},
        ask: () => {},
        gap: (sender, _, frames) => gaps.push(`${sender} ${frames}`),
        isReachable: () => true,
        isBucket: () => false,
        startsAtOne: () => false,
        topicOf: () => undefined,
      },
    )
    const receive = (sender: string, ...seqs: number[]) => {
      for (const seq of seqs) inbox.receive(sender, TOPIC, seq, seq, 10, 0)
    }
    return { inbox, receive, delivered, naks, gaps }
  }

  it('goes on where a sender stood that it had forgotten', () => {
    const { inbox, receive, delivered, naks, gaps } = makeInbox()
    receive('a', 1, 2)
    inbox.reachable('a', false, 0)
    inbox.tick(60_000)
    expect(inbox.senders).toBe(0)
    inbox.digest('a', TOPIC, 3, 1, 100_000)
    expect(naks).toEqual(['a 3-3'])
    receive('a', 2, 3)
    expect([delivered, gaps]).toEqual([['a 1', 'a 2', 'a 3'], []])
  })

  it('delivers what it holds of a sender that it must forget, and counts what is missing', () => {
    const { inbox, receive, delivered, gaps } = makeInbox({ maxSenders: 1 })
    receive('a', 1, 4, 6)
    receive('b', 1)
    expect(delivered).toEqual(['a 1', 'a 4', 'a 6', 'b 1'])
    expect([gaps, inbox.lost, inbox.heldBytes]).toEqual([['a 3'], 3, 0])
  })

  it('does not forget a sender while something of it is missing', () => {
    const { inbox, receive, delivered } = makeInbox({ forgetMs: 1_000 })
    receive('a', 1, 3)
    inbox.reachable('a', false, 0)
    inbox.tick(2_000)
    expect(inbox.senders).toBe(1)
    receive('a', 2)
    expect(delivered).toEqual(['a 1', 'a 2', 'a 3'])
  })

  it('begins with the first frame that came, though that was too large to be held', () => {
    const { inbox, receive, naks } = makeInbox({ maxHeldBytes: 5 })
    receive('a', 5, 6)
    inbox.digest('a', TOPIC, 6, 7, 0)
    inbox.tick(inbox.nextTick()!)
    expect(naks).toEqual(['a 5-6'])
  })

  it('gives up all at once what a sender would have to repair that does not come back', () => {
    const { inbox, receive, delivered, gaps } = makeInbox()
    receive('a', 1, 3, 5, 7)
    inbox.reachable('a', false, 0)
    inbox.tick(10_000)
    expect(delivered).toEqual(['a 1', 'a 3', 'a 5', 'a 7'])
    expect([gaps, inbox.isWaiting]).toEqual([['a 3'], false])
  })

  it('gives nothing up because it was stopped itself', () => {
    const { inbox, receive, naks, gaps } = makeInbox()
    receive('a', 1, 3)
    inbox.tick(60_000)
    expect([gaps, naks]).toEqual([[], ['a 2-2', 'a 2-2']])
    while (inbox.isWaiting) inbox.tick(inbox.nextTick()!)
    expect(gaps).toEqual(['a 1'])
  })

  it('does not ask again for what follows frames that are gone, which is on its way', () => {
    const { inbox, receive, naks, gaps } = makeInbox()
    receive('a', 1, 9)
    inbox.gone('a', TOPIC, 2, 5, 0)
    expect([gaps, naks]).toEqual([['a 4'], ['a 2-8']])
  })
})
