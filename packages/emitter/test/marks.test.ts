import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Marks } from '../src/bus/marks.js'

describe('the marks', () => {
  it('confirm by their return what was said before them, and not what was said after', () => {
    const marks = new Marks()
    marks.messageSaid()
    marks.messageSaid()
    const token = marks.nextToken()
    marks.wait(token)
    marks.messageSaid()
    expect(marks.unconfirmed).toBe(3)
    marks.returned(token)
    expect(marks.unconfirmed).toBe(1)
  })

  it('confirm nothing when one comes back that nobody waits for', () => {
    const marks = new Marks()
    marks.messageSaid()
    marks.returned(99)
    expect(marks.unconfirmed).toBe(1)
    const token = marks.nextToken()
    marks.wait(token)
    marks.returned(token)
    marks.returned(token)
    expect(marks.unconfirmed).toBe(0)
  })

  it('resolve all who wait for them or for one before them, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 20 }), fc.nat(25), async (said, which) => {
        const marks = new Marks()
        const resolved: number[] = []
        const waits: { token: number; said: number }[] = []
        let count = 0
        for (const messages of said) {
          for (let i = 0; i < messages; i++) marks.messageSaid()
          count += messages
          const token = marks.nextToken()
          waits.push({ token, said: count })
          marks.wait(token).then(() => resolved.push(token))
        }
        expect(marks.awaited).toBe(waits.at(-1)?.token)
        marks.returned(which)
        await Promise.resolve()
        const confirmed = waits.filter(({ token }) => token <= which)
        expect(resolved).toEqual(confirmed.map(({ token }) => token))
        expect(marks.unconfirmed).toBe(count - (confirmed.at(-1)?.said ?? 0))
        // a mark behind all of them speaks for the rest
        marks.returned(marks.awaited ?? 0)
        await Promise.resolve()
        expect(resolved).toEqual(waits.map(({ token }) => token))
        expect(marks.awaited).toBeUndefined()
        expect(marks.unconfirmed).toBe(0)
      }),
    )
  })
})
