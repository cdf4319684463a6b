import fc from 'fast-check'
import { MalformedFrameError, MessageType } from 'socket.io-zeromq-emitter/bus'
import { describe, expect, test } from 'vitest'
import { answerForAbsentNamespace, readAnswer, readRequest } from '../src/messages.js'

const {
  BROADCAST,
  SOCKETS_JOIN,
  SOCKETS_LEAVE,
  DISCONNECT_SOCKETS,
  FETCH_SOCKETS,
  FETCH_SOCKETS_RESPONSE,
  SERVER_SIDE_EMIT,
  SERVER_SIDE_EMIT_RESPONSE,
  BROADCAST_CLIENT_COUNT,
  BROADCAST_ACK,
} = MessageType

const opts = { rooms: ['room'], except: ['muted'], flags: { volatile: true } }
const requestId = 'a1b2'

describe('a request of another server is read', () => {
  test.each([
    ['to join', SOCKETS_JOIN, { opts, rooms: ['new', 7] }],
    ['to leave', SOCKETS_LEAVE, { opts, rooms: [] }],
    ['to disconnect', DISCONNECT_SOCKETS, { opts, close: true }],
    ['for sockets', FETCH_SOCKETS, { opts, requestId }],
    ['to hear an event', SERVER_SIDE_EMIT, { packet: ['said', 1, null] }],
    ['to acknowledge an event', SERVER_SIDE_EMIT, { packet: ['said'], requestId }],
  ])('%s', (_, type, data) => {
    expect(readRequest(type, data)).toEqual(data)
  })

  test('with what other languages leave out filled in', () => {
    const bare = { opts: { rooms: [] } }
    const filled = { rooms: [], except: [], flags: {} }
    expect(readRequest(SOCKETS_JOIN, { ...bare, rooms: ['new'] })).toEqual({
      opts: filled,
      rooms: ['new'],
    })
    expect(readRequest(DISCONNECT_SOCKETS, bare)).toEqual({ opts: filled, close: false })
    expect(
      readRequest(FETCH_SOCKETS, { opts: { rooms: [], except: null, flags: null }, requestId }),
    ).toEqual({ opts: filled, requestId })
  })

  test('without the fields that nobody asked for', () => {
    const data = { opts: { ...opts, extra: 1 }, rooms: ['new'], extra: 2 }
    expect(readRequest(SOCKETS_JOIN, data)).toEqual({ opts, rooms: ['new'] })
  })

  test('and wants no answer where it has no id, or nil for one', () => {
    for (const id of [undefined, null]) {
      const request = readRequest(SERVER_SIDE_EMIT, { packet: ['said'], requestId: id })
      // ClusterAdapter asks whether the field is there
      expect(request).toStrictEqual({ packet: ['said'] })
    }
  })
})

describe('an answer of another server is read', () => {
  const sockets = [{ id: 'x', rooms: [], data: {}, handshake: {} }]
  test.each([
    ['its sockets', FETCH_SOCKETS_RESPONSE, { sockets }, { kind: 'values', values: sockets }],
    [
      'its acknowledgement',
      SERVER_SIDE_EMIT_RESPONSE,
      { packet: 7 },
      { kind: 'values', values: [7] },
    ],
    [
      'an acknowledgement of nothing',
      SERVER_SIDE_EMIT_RESPONSE,
      {},
      { kind: 'values', values: [undefined] },
    ],
    [
      'that it is not concerned',
      SERVER_SIDE_EMIT_RESPONSE,
      { absent: true },
      { kind: 'values', values: [] },
    ],
    [
      'how many clients it has',
      BROADCAST_CLIENT_COUNT,
      { clientCount: 0 },
      { kind: 'clientCount', clientCount: 0 },
    ],
    [
      "a client's acknowledgement",
      BROADCAST_ACK,
      { packet: ['a'] },
      { kind: 'acknowledgement', value: ['a'] },
    ],
  ])('%s', (_, type, data, answer) => {
    expect(readAnswer(type, { ...data, requestId })).toEqual({ requestId, answer })
  })

  test.each([FETCH_SOCKETS_RESPONSE, SERVER_SIDE_EMIT_RESPONSE, BROADCAST_ACK])(
    'why it cannot send it, to one of type %d',
    (type) => {
      const answer = { kind: 'failure', reason: 'why' }
      expect(readAnswer(type, { requestId, error: 'why' })).toEqual({ requestId, answer })
      expect(() => readAnswer(type, { error: 'why' })).toThrow(MalformedFrameError)
    },
  )
})

test('a message of another type is neither', () => {
  for (const type of [0, 1, 2, 13, 31, 32, 255, 2 ** 40]) {
    expect(readRequest(type, {})).toBeUndefined()
    expect(readAnswer(type, {})).toBeUndefined()
  }
  expect(readRequest(BROADCAST, {})).toBeUndefined()
  expect(readAnswer(FETCH_SOCKETS, {})).toBeUndefined()
  expect(readRequest(FETCH_SOCKETS_RESPONSE, {})).toBeUndefined()
})

describe('what is not as the protocol says is refused', () => {
  test.each([
    [SOCKETS_JOIN, undefined],
    [SOCKETS_JOIN, null],
    [SOCKETS_JOIN, []],
    [SOCKETS_JOIN, { rooms: ['new'] }],
    [SOCKETS_JOIN, { opts: [], rooms: ['new'] }],
    [SOCKETS_JOIN, { opts }],
    [SOCKETS_JOIN, { opts, rooms: 'new' }],
    [SOCKETS_JOIN, { opts, rooms: [{}] }],
    [SOCKETS_JOIN, { opts: { rooms: 'room' }, rooms: [] }],
    [SOCKETS_JOIN, { opts: { rooms: [], except: 'muted' }, rooms: [] }],
    [SOCKETS_JOIN, { opts: { rooms: [], flags: 'volatile' }, rooms: [] }],
    [SOCKETS_LEAVE, { opts, rooms: [undefined] }],
    [DISCONNECT_SOCKETS, { close: true }],
    [FETCH_SOCKETS, { opts }],
    [FETCH_SOCKETS, { opts, requestId: 7 }],
    [SERVER_SIDE_EMIT, {}],
    [SERVER_SIDE_EMIT, { packet: 'said' }],
    [SERVER_SIDE_EMIT, { packet: [] }],
    [SERVER_SIDE_EMIT, { packet: [{}] }],
    [SERVER_SIDE_EMIT, { packet: ['said'], requestId: {} }],
  ])('a request of type %d with the data %o', (type, data) => {
    expect(() => readRequest(type, data)).toThrow(MalformedFrameError)
  })

  test.each([
    [FETCH_SOCKETS_RESPONSE, undefined],
    [FETCH_SOCKETS_RESPONSE, { requestId }],
    [FETCH_SOCKETS_RESPONSE, { requestId, sockets: {} }],
    [FETCH_SOCKETS_RESPONSE, { requestId, sockets: [null] }],
    [FETCH_SOCKETS_RESPONSE, { requestId, sockets: [{ id: 7 }] }],
    [FETCH_SOCKETS_RESPONSE, { sockets: [] }],
    [SERVER_SIDE_EMIT_RESPONSE, 'x'],
    [SERVER_SIDE_EMIT_RESPONSE, { packet: 1 }],
    [BROADCAST_CLIENT_COUNT, { requestId }],
    [BROADCAST_CLIENT_COUNT, { requestId, clientCount: -1 }],
    [BROADCAST_CLIENT_COUNT, { requestId, clientCount: 0.5 }],
    [BROADCAST_CLIENT_COUNT, { requestId, clientCount: '1' }],
    [BROADCAST_ACK, null],
    [BROADCAST_ACK, { packet: 1 }],
    [BROADCAST_ACK, { requestId, error: 7 }],
  ])('an answer of type %d with the data %o', (type, data) => {
    expect(() => readAnswer(type, data)).toThrow(MalformedFrameError)
  })

  test.each(['connect', 'connection', 'new_namespace'])(
    'the event %s, which Socket.IO lets nobody say to other servers',
    (event) => {
      expect(() => readRequest(SERVER_SIDE_EMIT, { packet: [event, 1] })).toThrow(
        expect.objectContaining({ reason: 'reservedEvent' }),
      )
    },
  )

  test('an id of a request that is longer than any, and comes back in each answer', () => {
    const data = (length: number) => ({ opts, requestId: 'x'.repeat(length) })
    expect(readRequest(FETCH_SOCKETS, data(256))).toEqual(data(256))
    expect(() => readRequest(FETCH_SOCKETS, data(257))).toThrow(
      expect.objectContaining({ reason: 'tooLong' }),
    )
  })

  test('flags that are not known are left out', () => {
    const flags = { volatile: true, compress: false, timeout: 5, constructor: {}, local: true }
    expect(readRequest(FETCH_SOCKETS, { opts: { rooms: [], flags }, requestId })).toEqual({
      opts: { rooms: [], except: [], flags: { volatile: true, compress: false, timeout: 5 } },
      requestId,
    })
  })

  test('whatever it is: nothing but MalformedFrameError is thrown', () => {
    const data = fc.anything({ withNullPrototype: true, withDate: true, withTypedArray: true })
    const shaped = fc.record(
      {
        opts: fc.oneof(data, fc.record({ rooms: data, except: data, flags: data })),
        rooms: data,
        close: data,
        requestId: fc.oneof(fc.string(), data),
        packet: fc.oneof(fc.array(data), data),
        sockets: fc.oneof(fc.array(data), data),
        clientCount: data,
        absent: data,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.oneof(data, shaped), (type, data) => {
        for (const read of [readRequest, readAnswer]) {
          try {
            read(type, data)
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedFrameError)
          }
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('for a namespace that a server does not have', () => {
  test.each([
    [FETCH_SOCKETS, FETCH_SOCKETS_RESPONSE, { kind: 'values', values: [] }],
    [SERVER_SIDE_EMIT, SERVER_SIDE_EMIT_RESPONSE, { kind: 'values', values: [] }],
    [BROADCAST, BROADCAST_CLIENT_COUNT, { kind: 'clientCount', clientCount: 0 }],
  ])('a request of type %d is answered at once', (type, answerType, answer) => {
    const response = answerForAbsentNamespace(type, { requestId })
    expect(response?.type).toBe(answerType)
    // the asking server reads it as the absence that it is
    expect(readAnswer(answerType, response?.data)).toEqual({ requestId, answer })
  })

  test('what wants no answer gets none', () => {
    expect(answerForAbsentNamespace(SERVER_SIDE_EMIT, { packet: ['said'] })).toBeUndefined()
    expect(answerForAbsentNamespace(SOCKETS_JOIN, { requestId })).toBeUndefined()
    expect(answerForAbsentNamespace(DISCONNECT_SOCKETS, {})).toBeUndefined()
  })
})
