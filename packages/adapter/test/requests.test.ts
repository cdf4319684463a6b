import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AnswerError } from '../src/errors.js'
import { type OnAnswers, type RemoteAcknowledgementListener, Requests } from '../src/requests.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const answered = (...values: unknown[]) => ({ kind: 'values', values }) as const
const counted = (clientCount: number) => ({ kind: 'clientCount', clientCount }) as const
const failed = (reason: string) => ({ kind: 'failure', reason }) as const
const acknowledged = (value: unknown) => ({ kind: 'acknowledgement', value }) as const

describe('a request that each server answers once', () => {
  const open = (members: string[], values: unknown[] = []) => {
    const requests = new Requests()
    const done = vi.fn<OnAnswers>()
    const id = requests.collect(members, 1_000, values, done)
    return { requests, done, id }
  }

  test('is over when all have answered, with what was there before and what came', () => {
    const { requests, done, id } = open(['a', 'b'], ['own'])
    requests.answer(id, 'b', answered('b1', 'b2'))
    expect(done).not.toHaveBeenCalled()
    requests.answer(id, 'a', answered())
    expect(done).toHaveBeenCalledExactlyOnceWith(null, ['own', 'b1', 'b2'])
    expect(requests.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('takes one answer of each, and none of those who were not asked', () => {
    const { requests, done, id } = open(['a', 'b'])
    requests.answer(id, 'a', answered('first'))
    requests.answer(id, 'a', answered('second'))
    requests.answer(id, 'c', answered('of a stranger'))
    requests.answer('another id', 'b', answered('of another request'))
    requests.answer(id, 'b', counted(1))
    requests.answer(id, 'b', acknowledged('of another kind'))
    expect(done).not.toHaveBeenCalled()
    requests.answer(id, 'b', answered('last'))
    expect(done).toHaveBeenCalledExactlyOnceWith(null, ['first', 'last'])
    requests.answer(id, 'b', answered('too late'))
    expect(done).toHaveBeenCalledOnce()
  })

  test('waits for all, and fails if one of them cannot send its answer', () => {
    const { requests, done, id } = open(['a', 'b'])
    requests.answer(id, 'a', failed('a BigInt'))
    expect(done).not.toHaveBeenCalled()
    requests.answer(id, 'b', answered('b'))
    const error = new AnswerError('server a could not send its answer: a BigInt')
    expect(done).toHaveBeenCalledExactlyOnceWith(error, ['b'])
    expect(requests.size).toBe(0)
  })

  test('fails at once if it could not be sent', () => {
    const { requests, done, id } = open(['a', 'b'])
    const error = new TypeError('a BigInt')
    requests.unsaid(id, error)
    expect(done).toHaveBeenCalledExactlyOnceWith(error, [])
    expect([requests.size, vi.getTimerCount()]).toEqual([0, 0])
  })

  test('does not wait for a server that has left', () => {
    const { requests, done, id } = open(['a', 'b', 'c'])
    requests.memberLeft('a')
    requests.memberLeft('stranger')
    requests.answer(id, 'b', answered('b'))
    expect(done).not.toHaveBeenCalled()
    requests.memberLeft('c')
    expect(done).toHaveBeenCalledExactlyOnceWith(null, ['b'])
  })

  test('ends after its time with an error that names those who are silent, and the answers', () => {
    const { requests, done, id } = open(['a', 'b', 'c'])
    requests.answer(id, 'b', answered('b'))
    vi.advanceTimersByTime(999)
    expect(done).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(done).toHaveBeenCalledExactlyOnceWith(
      new Error('timeout reached: missing 2 responses out of 3 within 1000 ms (from a, c)'),
      ['b'],
    )
    expect(requests.size).toBe(0)
  })

  test('ends with the error that ends all', () => {
    const { requests, done, id } = open(['a', 'b'])
    requests.answer(id, 'a', answered('a'))
    const error = new Error('closed')
    requests.failAll(error)
    expect(done).toHaveBeenCalledExactlyOnceWith(error, ['a'])
    expect(requests.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a broadcast that wants acknowledgements', () => {
  const open = (members: string[]) => {
    const requests = new Requests()
    const listener = {
      onClientCount: vi.fn<RemoteAcknowledgementListener['onClientCount']>(),
      onAcknowledgement: vi.fn<RemoteAcknowledgementListener['onAcknowledgement']>(),
      onFailure: vi.fn<RemoteAcknowledgementListener['onFailure']>(),
    }
    const id = requests.acknowledge(members, 1_000, listener)
    return { requests, ...listener, id }
  }

  test('hears how many clients each server has, once, and what they say', () => {
    const { requests, onClientCount, onAcknowledgement, id } = open(['a', 'b'])
    requests.answer(id, 'a', counted(2))
    requests.answer(id, 'a', counted(5))
    requests.answer(id, 'stranger', counted(7))
    requests.answer(id, 'b', counted(0))
    expect(onClientCount.mock.calls).toEqual([[2], [0]])
    requests.answer(id, 'a', acknowledged('one'))
    requests.answer(id, 'stranger', acknowledged('of a stranger'))
    requests.answer(id, 'a', acknowledged('two'))
    expect(onAcknowledgement.mock.calls).toEqual([['one'], ['two']])
  })

  test('is over when all clients have acknowledged', () => {
    const { requests, id } = open(['a', 'b'])
    requests.answer(id, 'a', counted(1))
    requests.answer(id, 'a', acknowledged('a'))
    expect(requests.size).toBe(1)
    requests.answer(id, 'b', counted(1))
    expect(requests.size).toBe(1)
    requests.answer(id, 'b', acknowledged('b'))
    expect(requests.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is over at once where nobody has a client', () => {
    const { requests, id } = open(['a', 'b'])
    requests.answer(id, 'a', counted(0))
    requests.memberLeft('b')
    expect(requests.size).toBe(0)
  })

  test('counts no clients of a server that has left before it said how many it has', () => {
    const { requests, onClientCount, id } = open(['a', 'b'])
    requests.answer(id, 'a', counted(1))
    requests.memberLeft('a')
    requests.memberLeft('b')
    requests.answer(id, 'b', counted(3))
    expect(onClientCount.mock.calls).toEqual([[1], [0]])
  })

  test('stays open for a client that does not acknowledge until its time is over', () => {
    const { requests, onAcknowledgement, id } = open(['a'])
    requests.answer(id, 'a', counted(1))
    vi.advanceTimersByTime(999)
    expect(requests.size).toBe(1)
    vi.advanceTimersByTime(1)
    expect(requests.size).toBe(0)
    requests.answer(id, 'a', acknowledged('too late'))
    expect(onAcknowledgement).not.toHaveBeenCalled()
  })

  test('takes no more acknowledgements of a server than it has clients', () => {
    const { requests, onAcknowledgement, id } = open(['a', 'b'])
    requests.answer(id, 'a', acknowledged('too early'))
    requests.answer(id, 'a', counted(1))
    requests.answer(id, 'a', acknowledged('one'))
    requests.answer(id, 'a', acknowledged('one more'))
    expect(onAcknowledgement.mock.calls).toEqual([['one']])
    requests.answer(id, 'b', counted(0))
    expect(requests.size).toBe(0)
  })

  test('counts an acknowledgement that could not be sent as one without a value', () => {
    const { requests, onAcknowledgement, onFailure, id } = open(['a'])
    requests.answer(id, 'a', counted(1))
    requests.answer(id, 'a', failed('too deep'))
    expect(onAcknowledgement.mock.calls).toEqual([[undefined]])
    expect(onFailure.mock.calls).toEqual([
      [new AnswerError('server a could not send its answer: too deep')],
    ])
    expect(requests.size).toBe(0)
  })

  test('that could not be sent counts nobody', () => {
    const { requests, onClientCount, id } = open(['a', 'b'])
    requests.unsaid(id)
    expect(onClientCount.mock.calls).toEqual([[0], [0]])
    expect(requests.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('ends when all ends', () => {
    const { requests } = open(['a'])
    requests.failAll(new Error('closed'))
    expect(requests.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('beyond 65,536 open requests the oldest fails', () => {
  const requests = new Requests()
  const oldest = vi.fn<OnAnswers>()
  requests.collect(['a'], 1_000, [], oldest)
  for (let i = 1; i < 65_536; i++) requests.collect(['a'], 1_000, [], () => {})
  expect(oldest).not.toHaveBeenCalled()
  requests.collect(['a'], 1_000, [], () => {})
  expect(oldest).toHaveBeenCalledExactlyOnceWith(
    new Error('more than 65536 requests to other servers are open'),
    [],
  )
  expect(requests.size).toBe(65_536)
  requests.failAll(new Error('the end'))
})
