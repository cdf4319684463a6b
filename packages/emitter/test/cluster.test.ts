import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MessageType, readClusterMessage, writeClusterMessage } from '../src/wire/cluster.js'
import { readHeader, readMessages } from '../src/wire/frame.js'
import {
  MAX_DEPTH,
  MalformedFrameError,
  MsgpackReader,
  type MsgpackWriter,
} from '../src/wire/msgpack.js'
import { anything, decodeAll, encodeAll, frame, text, UID } from './support/values.js'

const HEADER = [1, UID, 1]

function messagesOf(body: Buffer) {
  const reader = new MsgpackReader(body)
  return Array.from(readMessages(reader, readHeader(reader).uid), readClusterMessage)
}

const type = () =>
  fc.constantFrom(...Object.values(MessageType).filter((type) => type !== MessageType.BROADCAST))

/** The value as msgpack-lite reads it back. */
const readBack = (value: unknown) => decodeAll(encodeAll(value))[0]

describe('a cluster message', () => {
  it('is decoded by msgpack-lite to its type, its namespace and its data', () => {
    fc.assert(
      fc.property(type(), text(), anything(), (type, nsp, data) => {
        const body = frame((writer) => writeClusterMessage(writer, type, nsp, data))
        expect(decodeAll(body)).toEqual([HEADER, [type, nsp, readBack(data)]])
      }),
      { numRuns: 120 },
    )
  })

  it('is read from what msgpack-lite writes', () => {
    fc.assert(
      fc.property(type(), text(), anything(), (type, nsp, data) => {
        const [message] = messagesOf(encodeAll(HEADER, [type, nsp, data]))
        expect(message).toEqual({ sender: UID, type, nsp, data: readBack(data) })
      }),
      { numRuns: 120 },
    )
  })

  it('is read as it was written, one behind the other', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(type(), text(), fc.jsonValue()), { maxLength: 8 }), (said) => {
        const body = frame((writer) => {
          for (const [type, nsp, data] of said) writeClusterMessage(writer, type, nsp, data)
        })
        expect(messagesOf(body)).toEqual(
          said.map(([type, nsp, data]) => ({ sender: UID, type, nsp, data: readBack(data) })),
        )
      }),
    )
  })

  it('carries dates, errors and binaries', () => {
    const data = { at: new Date(5), bytes: Buffer.from([1, 2]), error: new RangeError('too far') }
    const [message] = messagesOf(frame((writer) => writeClusterMessage(writer, 9, '/', data)))
    const read = message?.data as typeof data
    expect(read).toMatchObject({ at: data.at, bytes: data.bytes })
    expect(read.error).toBeInstanceOf(RangeError)
    expect(read.error.message).toBe('too far')
  })

  it('is not written if its data nests deeper than a receiver would take', () => {
    const nested = (depth: number) => {
      let data: unknown = null
      for (let i = 0; i < depth; i++) data = [data]
      return data
    }
    const body = (depth: number) =>
      frame((writer) => writeClusterMessage(writer, 9, '/', nested(depth)))
    expect(messagesOf(body(MAX_DEPTH))).toHaveLength(1)
    expect(() => body(MAX_DEPTH + 1)).toThrow(RangeError)
  })

  it.each([
    [0, []],
    [1, ['/']],
    [3, ['/', {}, {}]],
  ])('of %i fields is malformed', (_, fields) => {
    expect(() => messagesOf(encodeAll(HEADER, [4, ...fields]))).toThrow(MalformedFrameError)
  })

  it.each([5, null, ['/'], Buffer.from('/')])('whose namespace is %o is malformed', (nsp) => {
    expect(() => messagesOf(encodeAll(HEADER, [4, nsp, {}]))).toThrow(MalformedFrameError)
  })

  it.each([
    ['a regular expression that is none', 'd60a92a128a0'],
    ['a regular expression made of a number', 'd50a0000'],
    ['doubles of three bytes', 'c70318010203'],
    ['an error made of nothing', 'd40ec0'],
    ['a date that is cut short', 'd40dcb'],
  ])('whose data is %s is malformed', (_, hex) => {
    const body = frame((writer: MsgpackWriter) => {
      writer.arrayHeader(3)
      writer.uint(MessageType.SERVER_SIDE_EMIT)
      writer.string('/')
      writer.raw(Buffer.from(hex, 'hex'))
    })
    expect(() => messagesOf(body)).toThrow(MalformedFrameError)
  })
})
