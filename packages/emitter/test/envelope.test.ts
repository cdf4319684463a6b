import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MessageType } from '../src/wire/cluster.js'
import { Encoding, Envelopes, readEnvelope } from '../src/wire/envelope.js'
import { readHeader, readMessages } from '../src/wire/frame.js'
import { MalformedFrameError, MsgpackReader } from '../src/wire/msgpack.js'
import { encodeAll, text, UID } from './support/values.js'

const HEADER = [1, UID, 1]

function messagesOf(...messages: unknown[][]) {
  const reader = new MsgpackReader(encodeAll(HEADER, ...messages))
  return readMessages(reader, readHeader(reader).uid)
}

/** The fields of an envelope, of few names so that some are alike, and now and then of long ones. */
const fields = () => {
  const name = fc.oneof(fc.constantFrom('a', 'b', 'room:1', 'room:2'), text())
  const names = fc.uniqueArray(name, { maxLength: 3 })
  const flags = fc.constantFrom({}, { volatile: true }, { compress: false, timeout: 5 })
  return fc.tuple(name, names, names, flags, fc.constantFrom(Encoding.DATA, Encoding.PARTS))
}

describe('the envelopes that are remembered', () => {
  it('are what is read anew, however often and in whichever order they come', () => {
    fc.assert(
      fc.property(fc.array(fields(), { minLength: 1, maxLength: 20 }), (all) => {
        const envelopes = new Envelopes()
        const messages = messagesOf(
          ...all.map((envelope) => [MessageType.BROADCAST, ...envelope, ['payload']]),
        )
        for (const i of [...all.keys(), ...all.keys(), ...[...all.keys()].reverse()]) {
          const envelope = envelopes.read(messages.at(i))
          expect(messages.reader.arrayHeader()).toBe(1)
          expect(messages.reader.string()).toBe('payload')
          expect(envelope).toEqual(readEnvelope(messages.at(i).reader))
        }
      }),
    )
  })

  it('are read once for all that begin with the same bytes', () => {
    const envelopes = new Envelopes()
    const to = (room: string) => [MessageType.BROADCAST, '/', [room], [], {}, 1, ['x']]
    const messages = messagesOf(to('a'), to('b'), to('a'))
    const first = envelopes.read(messages.at(0))
    expect(envelopes.read(messages.at(1))).not.toBe(first)
    expect(envelopes.read(messages.at(2))).toBe(first)
  })

  it('are not mixed up where one is the beginning of another', () => {
    const envelopes = new Envelopes()
    const messages = messagesOf(
      [MessageType.BROADCAST, '/', [], [], {}, 1, ['x']],
      [MessageType.BROADCAST, '/', [], ['a'], {}, 1, ['x']],
    )
    expect([...envelopes.read(messages.at(0)).except]).toEqual([])
    expect([...envelopes.read(messages.at(1)).except]).toEqual(['a'])
  })

  it.each([
    ['rooms that are no array', ['/', 'room', [], {}, 1, ['x']]],
    ['an encoding that is not known', ['/', [], [], {}, 2, ['x']]],
    ['too few fields', ['/', [], [], {}, 1]],
    ['too many fields', ['/', [], [], {}, 1, ['x'], 'request', 'more']],
  ])('refuse one with %s, each time', (_, fields) => {
    const envelopes = new Envelopes()
    const messages = messagesOf([MessageType.BROADCAST, ...fields])
    for (let time = 0; time < 3; time++) {
      expect(() => envelopes.read(messages.at(0))).toThrow(MalformedFrameError)
    }
  })
})
