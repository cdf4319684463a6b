import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Receipts } from '../src/bus/receipts.js'

/** Lets somebody wait, and tells whether he still does. */
function wait(receipts: Receipts, number: number) {
  const waiter = {
    number,
    isDone: false,
    resolve() {
      waiter.isDone = true
    },
  }
  receipts.wait(waiter)
  return waiter
}

describe('the receipts of subscriptions', () => {
  it('are not due while everything is in force', () => {
    const receipts = new Receipts()
    expect(receipts.isDue).toBe(false)
    expect(receipts.behindAll()).toBe(0)
    expect(receipts.behind([1, 2])).toBe(0)
  })

  it('stand behind all subscriptions since the last one', () => {
    const receipts = new Receipts()
    receipts.subscribed(1)
    receipts.subscribed(2)
    expect([receipts.isDue, receipts.issue(), receipts.isDue]).toEqual([true, 1, false])
    receipts.subscribed(3)
    expect(receipts.isDue).toBe(true)
    expect([receipts.behind([1]), receipts.behind([3]), receipts.behind([1, 3])]).toEqual([1, 2, 2])
    expect(receipts.returned(1)).toEqual([1])
    expect([receipts.behind([1, 2]), receipts.behindAll()]).toEqual([0, 2])
  })

  it('let those go on who wait for them, or for one before', () => {
    const receipts = new Receipts()
    receipts.subscribed(1)
    const first = wait(receipts, receipts.issue())
    receipts.subscribed(2)
    const second = wait(receipts, receipts.issue())
    receipts.subscribed(3)
    const third = wait(receipts, receipts.behind([3]))
    expect(receipts.returned(2)).toEqual([1, 2])
    expect([first.isDone, second.isDone, third.isDone]).toEqual([true, true, false])
  })

  it('are replaced by one more after the link was down', () => {
    const receipts = new Receipts()
    receipts.subscribed(1)
    const waiter = wait(receipts, receipts.issue())
    expect(receipts.lost()).toEqual([1])
    expect(receipts.returned(1)).toEqual([]) // an old word that comes late
    expect([waiter.isDone, receipts.isDue, receipts.issue()]).toEqual([false, true, 2])
    expect(receipts.returned(2)).toEqual([2])
    expect([waiter.isDone, receipts.behindAll()]).toEqual([true, 0])
  })

  it('are not waited for by somebody who has given up, nor for a bucket that was left', () => {
    const receipts = new Receipts()
    receipts.subscribed(1)
    const waiter = wait(receipts, receipts.issue())
    receipts.cancel(waiter)
    receipts.unsubscribed(1)
    expect(receipts.behind([1])).toBe(0)
    receipts.returned(1)
    expect(waiter.isDone).toBe(false)
  })

  it('let everyone go at the end', () => {
    const receipts = new Receipts()
    receipts.subscribed(1)
    const waiter = wait(receipts, receipts.behindAll())
    receipts.releaseAll()
    expect(waiter.isDone).toBe(true)
  })

  it('are never taken for what was subscribed to after them', () => {
    const step = fc.constantFrom('subscribe', 'issue', 'return', 'lose')
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const receipts = new Receipts()
        /** In the order of saying: buckets, and receipts that are under way. */
        let said: ({ bucket: number } | { receipt: number })[] = []
        const inForce = new Set<number>()
        let last = 0
        let issued = 0
        for (const step of steps) {
          if (step === 'subscribe') {
            said.push({ bucket: ++last })
            receipts.subscribed(last)
          } else if (step === 'issue') {
            if (!receipts.isDue) continue
            issued = receipts.issue()
            said.push({ receipt: issued })
          } else if (step === 'lose') {
            receipts.lost()
            said = said.filter((word) => 'bucket' in word)
          } else {
            const next = said.findIndex((word) => 'receipt' in word)
            if (next < 0) continue
            for (const word of said.splice(0, next + 1)) {
              if ('bucket' in word) inForce.add(word.bucket)
              else receipts.returned(word.receipt)
            }
          }
          expect(receipts.isDue).toBe(receipts.behindAll() > issued)
          for (let bucket = 1; bucket <= last; bucket++) {
            expect(receipts.behind([bucket]) === 0).toBe(inForce.has(bucket))
          }
        }
      }),
    )
  })
})
