import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Address,
  Broadcast,
  type EncodedPart,
  UnsendablePartError,
  writeBroadcast,
} from '../src/wire/broadcast.js'
import { MessageType } from '../src/wire/cluster.js'
import { Encoding, type WireFlags } from '../src/wire/envelope.js'
import { readHeader, readMessages } from '../src/wire/frame.js'
import { MalformedFrameError, MsgpackReader } from '../src/wire/msgpack.js'
import { anything, bytes, decodeAll, encodeAll, frame, text, UID, uint } from './support/values.js'

const HEADER = [1, UID, 1]

/** The only message of a frame. */
function only(body: Buffer) {
  const reader = new MsgpackReader(body)
  const messages = readMessages(reader, readHeader(reader).uid)
  expect(messages).toHaveLength(1)
  return messages.at(0)
}

const broadcastOf = (body: Buffer) => new Broadcast(only(body))
const read = (...fields: unknown[]) =>
  broadcastOf(encodeAll(HEADER, [MessageType.BROADCAST, ...fields]))
const writtenFrame = (to: Address, parts: readonly EncodedPart[], requestId?: string) =>
  frame((writer) => writeBroadcast(writer, to, parts, requestId))

const rooms = () => fc.uniqueArray(text(), { maxLength: 20 }).map((names) => new Set(names))

const flags = (): fc.Arbitrary<WireFlags> =>
  fc.record(
    { volatile: fc.boolean(), compress: fc.boolean(), timeout: uint() },
    { requiredKeys: [] },
  )

const parts = () =>
  fc.array(
    fc.oneof(
      text(),
      bytes().map((array) => Buffer.from(array)),
    ),
    { minLength: 1, maxLength: 5 },
  )

const requestId = () => fc.option(fc.string(), { nil: undefined })

/** `volatile` is said only where it holds. */
const onWire = ({ volatile, ...flags }: WireFlags) => (volatile ? { volatile, ...flags } : flags)

const isShortAsciiText = ([first, ...others]: readonly unknown[]) =>
  others.length === 0 &&
  typeof first === 'string' &&
  first.length <= 256 &&
  Buffer.byteLength(first) === first.length

describe('a broadcast', () => {
  it('is decoded by msgpack-lite to the envelope of the protocol, with a request’s id or without', () => {
    fc.assert(
      fc.property(
        text(),
        rooms(),
        fc.option(rooms(), { nil: undefined }),
        fc.option(flags(), { nil: undefined }),
        parts(),
        requestId(),
        (nsp, rooms, except, flags, parts, requestId) => {
          const values = decodeAll(writtenFrame({ nsp, rooms, except, flags }, parts, requestId))
          const payload = [Encoding.PARTS, parts]
          const envelope = [3, nsp, [...rooms], [...(except ?? [])], onWire(flags ?? {})]
          const id = requestId === undefined ? [] : [requestId]
          expect(values).toEqual([HEADER, [...envelope, ...payload, ...id]])
        },
      ),
      { numRuns: 120 },
    )
  })

  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        text(),
        rooms(),
        rooms(),
        flags(),
        parts(),
        requestId(),
        (nsp, rooms, except, flags, parts, requestId) => {
          const to = { nsp, rooms, except, flags }
          const broadcast = broadcastOf(writtenFrame(to, parts, requestId))
          expect(broadcast).toMatchObject({ nsp, rooms, except, requestId, isEncoded: true })
          expect(broadcast.flags).toEqual(onWire(flags))
          expect(broadcast.parts()).toEqual(parts)
          expect(broadcast.isAscii).toBe(isShortAsciiText(parts))
        },
      ),
      { numRuns: 120 },
    )
  })

  it('is read from what msgpack-lite writes, its payload the packet’s parts', () => {
    fc.assert(
      fc.property(
        text(),
        rooms(),
        rooms(),
        flags(),
        parts(),
        requestId(),
        (nsp, rooms, except, flags, parts, requestId) => {
          const fields = [nsp, [...rooms], [...except], flags, Encoding.PARTS, parts]
          const broadcast = read(...fields, ...(requestId === undefined ? [] : [requestId]))
          expect(broadcast).toMatchObject({ nsp, rooms, except, flags, requestId, isEncoded: true })
          expect(broadcast.parts()).toEqual(parts)
          // it can be asked again
          expect(broadcast.parts()).toEqual(parts)
        },
      ),
      { numRuns: 120 },
    )
  })

  it('is read from what msgpack-lite writes, its payload the packet’s data', () => {
    fc.assert(
      fc.property(
        text(),
        fc.array(anything(), { maxLength: 5 }),
        requestId(),
        (event, args, requestId) => {
          const id = requestId === undefined ? [] : [requestId]
          const data = [event, ...args]
          const broadcast = read('/', [], [], {}, Encoding.DATA, data, ...id)
          expect(broadcast.isEncoded).toBe(false)
          expect(broadcast.requestId).toBe(requestId)
          // as msgpack-lite itself reads it back, which does not give each value its old type
          expect(broadcast.data()).toEqual(decodeAll(encodeAll(data))[0])
        },
      ),
      { numRuns: 120 },
    )
  })

  it('goes on with the next message of the frame where it ends', () => {
    const to = { nsp: '/', rooms: new Set(['a']) }
    const body = frame((writer) => {
      writeBroadcast(writer, to, ['first'])
      writeBroadcast(writer, to, ['second', Buffer.from('binary')], 'request')
      writeBroadcast(writer, to, ['third'])
    })
    const reader = new MsgpackReader(body)
    readHeader(reader)
    const messages = readMessages(reader, UID)
    // asked in another order than that in which they stand
    expect(new Broadcast(messages.at(2)).parts()).toEqual(['third'])
    expect(new Broadcast(messages.at(0)).parts()).toEqual(['first'])
    const second = new Broadcast(messages.at(1))
    expect(second.parts()).toEqual(['second', Buffer.from('binary')])
    expect(second.requestId).toBe('request')
  })

  it.each([
    ['a Buffer', (source: ArrayBuffer) => Buffer.from(source, 2, 8)],
    ['a Uint8Array', (source: ArrayBuffer) => new Uint8Array(source, 2, 8)],
    ['a Uint8ClampedArray', (source: ArrayBuffer) => new Uint8ClampedArray(source, 2, 8)],
    ['a Uint16Array', (source: ArrayBuffer) => new Uint16Array(source, 2, 4)],
    ['a DataView', (source: ArrayBuffer) => new DataView(source, 2, 8)],
    ['an ArrayBuffer', (source: ArrayBuffer) => source.slice(2, 10)],
  ])('carries %s as the bytes that it shows, and no others', (_, view) => {
    const source = Uint8Array.from({ length: 16 }, (_, i) => i).buffer
    const expected = Buffer.from([2, 3, 4, 5, 6, 7, 8, 9])
    const body = writtenFrame({ nsp: '/', rooms: new Set() }, [view(source)])
    expect(broadcastOf(body).parts()).toEqual([expected])
    expect(decodeAll(body)[1]).toEqual([3, '/', [], [], {}, 1, [expected]])
  })

  it('carries views of eight bytes an element', () => {
    const doubles = Float64Array.of(Math.PI, -0)
    const integers = BigInt64Array.of(-1n)
    const [first, second] = broadcastOf(
      writtenFrame({ nsp: '/', rooms: new Set() }, [doubles, integers]),
    ).parts() as [Buffer, Buffer]
    expect(new Float64Array(Uint8Array.from(first).buffer)).toEqual(doubles)
    expect(new BigInt64Array(Uint8Array.from(second).buffer)).toEqual(integers)
  })

  it.each([
    ['Blob', new Blob(['x'])],
    ['Object', {}],
    ['Number', 5],
    ['Null', null],
    ['Undefined', undefined],
    ['Array', ['x']],
  ])('refuses a part that is a %s, and says what to send instead', (name, part) => {
    const say = () => writtenFrame({ nsp: '/', rooms: new Set() }, [part as never])
    expect(say).toThrow(UnsendablePartError)
    expect(say).toThrow(new RegExp(`cannot send a ${name} .*Buffer`))
  })

  it('keeps rooms that are numbers, apart from those of the same digits', () => {
    const rooms = [7, '7', -1, 1.5, 2 ** 53, -(2 ** 40), Number.NaN, Number.NEGATIVE_INFINITY, '']
    const broadcast = broadcastOf(writtenFrame({ nsp: '/', rooms: new Set(rooms) as never }, ['x']))
    expect([...broadcast.rooms]).toEqual(rooms)
  })

  it('addresses nobody, and not everybody, by a room that is no name', () => {
    for (const room of [undefined, null, {}, true]) {
      const rooms = new Set([room]) as never
      const broadcast = broadcastOf(writtenFrame({ nsp: '/', rooms, except: rooms }, ['x']))
      expect([...broadcast.rooms]).toEqual([null])
      expect([...broadcast.except]).toEqual([null])
    }
  })

  it.each([
    [undefined, {}],
    [{}, {}],
    [{ volatile: false }, {}],
    [{ volatile: true }, { volatile: true }],
    [{ compress: false }, { compress: false }],
    [{ timeout: 0 }, { timeout: 0 }],
    [{ timeout: 1500.9 }, { timeout: 1500 }],
    [{ timeout: -1 }, {}],
    [{ timeout: Number.NaN }, {}],
    [{ timeout: Number.POSITIVE_INFINITY }, {}],
    [{ timeout: 2 ** 53 }, {}],
    [{ timeout: Number.MAX_VALUE }, {}],
    [{ timeout: '5' as never }, {}],
    [
      { volatile: true, compress: true, timeout: 9 },
      { volatile: true, compress: true, timeout: 9 },
    ],
  ])('with the flags %o carries %o', (flags: WireFlags | undefined, carried) => {
    const body = writtenFrame({ nsp: '/', rooms: new Set(), flags }, ['x'])
    expect(decodeAll(body)[1]).toEqual([3, '/', [], [], carried, 1, ['x']])
    expect(broadcastOf(body).flags).toEqual(carried)
  })

  it('passes over flags that it does not know', () => {
    fc.assert(
      fc.property(anything(), (value) => {
        const broadcast = read('/', [], [], { later: value, compress: true }, 1, ['x'])
        expect(broadcast.flags).toEqual({ compress: true })
        expect(broadcast.parts()).toEqual(['x'])
      }),
    )
  })

  it('copies a small binary out of a large frame, and views a large one', () => {
    const binaries = ['x', Buffer.alloc(10), Buffer.alloc(5000)]
    // in memory of its own, as a received frame is, and not in Node's pool, where the copy goes
    const body = Buffer.from(
      Uint8Array.from(encodeAll(HEADER, [3, '/', [], [], {}, 1, binaries])).buffer,
    )
    const [, small, large] = broadcastOf(body).parts() as [string, Buffer, Buffer]
    expect(small.buffer).not.toBe(body.buffer)
    expect(large.buffer).toBe(body.buffer)
  })

  it.each([0, 1, 2, 3, 4, 5, 8, 20])('of %i fields is malformed', (count) => {
    const fields = ['/', [], [], {}, 1, ['x'], 'request', 'more', ...new Array(20).fill(null)]
    expect(() => read(...fields.slice(0, count))).toThrow(MalformedFrameError)
  })

  it.each([
    ['a namespace that is no string', [5, [], [], {}, 1, ['x']]],
    ['no namespace', [null, [], [], {}, 1, ['x']]],
    ['rooms that are no array', ['/', 'room', [], {}, 1, ['x']]],
    ['no rooms', ['/', null, [], {}, 1, ['x']]],
    ['a room that is an array', ['/', [['room']], [], {}, 1, ['x']]],
    ['exceptions that are no array', ['/', [], {}, {}, 1, ['x']]],
    ['flags that are no map', ['/', [], [], [], 1, ['x']]],
    ['a flag of a wrong type', ['/', [], [], { volatile: 1 }, 1, ['x']]],
    ['a timeout of a wrong type', ['/', [], [], { timeout: 'soon' }, 1, ['x']]],
    ['a negative timeout', ['/', [], [], { timeout: -1 }, 1, ['x']]],
    ['an encoding that is no number', ['/', [], [], {}, '1', ['x']]],
    ['an encoding that is not known', ['/', [], [], {}, 2, ['x']]],
    ['a request’s id that is no string', ['/', [], [], {}, 1, ['x'], 5]],
  ])('with %s is malformed', (_, fields) => {
    expect(() => read(...fields)).toThrow(MalformedFrameError)
  })

  it.each([
    ['no list', 'x'],
    ['an empty list', []],
    ['a list of other things', ['x', 5]],
    ['a list of nothing', [null]],
    ['nothing', null],
    ['a map', { x: 1 }],
  ])('whose parts are %s is malformed when they are asked for', (_, payload) => {
    const broadcast = read('/', [], [], {}, Encoding.PARTS, payload)
    expect(() => broadcast.parts()).toThrow(MalformedFrameError)
  })

  it.each([
    ['no array', 'hello'],
    ['an empty array', []],
    ['an array that begins with a number', [5, 'hello']],
    ['nothing', null],
    ['a map', { 0: 'hello' }],
  ])('whose data is %s is malformed when it is asked for', (_, payload) => {
    const broadcast = read('/', [], [], {}, Encoding.DATA, payload)
    expect(() => broadcast.data()).toThrow(MalformedFrameError)
  })

  it.each([
    ['a regular expression that is none', 'd60a92a128a0'],
    ['a regular expression made of a number', 'd50a0000'],
    ['doubles of three bytes', 'c70318010203'],
    ['an error made of nothing', 'd40ec0'],
    ['a date that is cut short', 'd40dcb'],
  ])('whose data holds %s is malformed when it is asked for', (_, hex) => {
    const body = frame((writer) => {
      writer.arrayHeader(7)
      writer.uint(MessageType.BROADCAST)
      writer.string('/')
      writer.arrayHeader(0)
      writer.arrayHeader(0)
      writer.mapHeader(0)
      writer.uint(Encoding.DATA)
      writer.arrayHeader(2)
      writer.string('event')
      writer.raw(Buffer.from(hex, 'hex'))
    })
    expect(() => broadcastOf(body).data()).toThrow(MalformedFrameError)
  })
})
