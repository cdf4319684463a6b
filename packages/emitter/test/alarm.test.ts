import { describe, expect, it } from 'vitest'
import { Alarm } from '../src/bus/alarm.js'

/** An alarm that is due at once, as often as `times`. */
function dueAtOnce(times: number) {
  const fired: number[] = []
  let left = times
  let done = () => {}
  const finished = new Promise<void>((resolve) => {
    done = resolve
  })
  const alarm = new Alarm(
    () => (left > 0 ? performance.now() : undefined),
    () => {
      fired.push(left--)
      if (left === 0) done()
    },
  )
  return { alarm, fired, finished }
}

describe('an alarm', () => {
  it('goes off for as long as something is due', async () => {
    const { alarm, fired, finished } = dueAtOnce(3)
    alarm.set()
    await finished
    expect(fired).toEqual([3, 2, 1])
  })

  it('stays silent once it was stopped, whoever sets it then', async () => {
    const stopped = dueAtOnce(1)
    stopped.alarm.set()
    stopped.alarm.stop()
    stopped.alarm.set()
    const later = dueAtOnce(3)
    later.alarm.set()
    await later.finished
    expect(stopped.fired).toEqual([])
  })
})
