import { eventsOf } from 'socket.io-zeromq-emitter/bus'
import { describe, expect, it } from 'vitest'
import { type Observer, Subscriber } from 'zeromq'

/** A socket whose events cannot be had at first. */
function failing(times: number, code: string) {
  const observer = {} as Observer
  const socket = {
    asked: 0,
    get events() {
      if (this.asked++ < times) throw Object.assign(new Error('failed'), { code })
      return observer
    },
  }
  return { socket, observer }
}

describe('the events of a socket', () => {
  it('are asked for again where their inner endpoint was taken', () => {
    const { socket, observer } = failing(3, 'EADDRINUSE')
    expect(eventsOf(socket)).toBe(observer)
    expect(socket.asked).toBe(4)
  })

  it('are not asked for without end', () => {
    const { socket } = failing(Number.POSITIVE_INFINITY, 'EADDRINUSE')
    expect(() => eventsOf(socket)).toThrow('failed')
    expect(socket.asked).toBe(16)
  })

  it('fail at once for any other reason', () => {
    const { socket } = failing(1, 'EBADF')
    expect(() => eventsOf(socket)).toThrow('failed')
    expect(socket.asked).toBe(1)
  })

  it('are those of the socket', () => {
    const socket = new Subscriber()
    expect(eventsOf(socket)).toBe(socket.events)
    socket.close()
  })
})
