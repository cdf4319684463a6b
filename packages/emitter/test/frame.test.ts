import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Broadcast, writeBroadcast } from '../src/wire/broadcast.js'
import { MessageType, readClusterMessage, writeClusterMessage } from '../src/wire/cluster.js'
import { readControl } from '../src/wire/control.js'
import {
  EVERYONE,
  readHeader,
  readMessages,
  UnknownVersionError,
  WIRE_VERSION,
  writeHeader,
} from '../src/wire/frame.js'
import { MAX_DEPTH, MalformedFrameError, MsgpackReader } from '../src/wire/msgpack.js'
import { anything, decodeAll, encodeAll, frame, UID, uint, written } from './support/values.js'

const HEADER = [WIRE_VERSION, UID, 1]

const uid = () => fc.string({ unit: 'binary-ascii', minLength: 16, maxLength: 16 })

const header = (body: Buffer) => readHeader(new MsgpackReader(body))

function messagesOf(body: Buffer) {
  const reader = new MsgpackReader(body)
  const { uid } = readHeader(reader)
  return readMessages(reader, uid)
}

/** Reads all that there is in a frame, as a node that looks at every payload would. */
function readWhole(body: Buffer): void {
  for (const message of messagesOf(body)) {
    if (message.type === MessageType.BROADCAST) {
      const broadcast = new Broadcast(message)
      if (broadcast.isEncoded) broadcast.parts()
      else broadcast.data()
    } else if (readControl(message) === undefined) {
      readClusterMessage(message)
    }
  }
}

function expectRefusalOrNothing(read: () => void): void {
  try {
    read()
  } catch (error) {
    if (error instanceof MalformedFrameError || error instanceof UnknownVersionError) return
    throw error
  }
}

/** A message as a sender would write it, and as the values that it is made of. */
const message = () =>
  fc.oneof(
    fc.tuple(
      fc.constant(3),
      fc.string(),
      fc.array(fc.string(), { maxLength: 4 }),
      fc.array(fc.string(), { maxLength: 4 }),
      fc.record(
        { volatile: fc.boolean(), compress: fc.boolean(), timeout: uint() },
        { requiredKeys: [] },
      ),
      fc.constant(1),
      fc.array(
        fc.oneof(
          fc.string(),
          fc.uint8Array().map((array) => Buffer.from(array)),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    ),
    fc.tuple(
      fc.constant(3),
      fc.string(),
      fc.constant([]),
      fc.constant([]),
      fc.constant({}),
      fc.constant(0),
      fc.array(anything(), { maxLength: 3 }).map((args) => ['event', ...args]),
      fc.string(),
    ),
    fc.tuple(fc.integer({ min: 4, max: 12 }), fc.string(), anything()),
    fc.tuple(fc.constantFrom(33, 34, 35), fc.string(), uint(), uint()),
    fc.tuple(
      fc.constant(36),
      fc.string(),
      fc.uint8Array().map((array) => Buffer.from(array)),
    ),
    fc.tuple(fc.constantFrom(32, 38), uint()),
    fc.tuple(fc.constant(37)),
  )

const realFrame = () =>
  fc
    .array(message(), { minLength: 1, maxLength: 4 })
    .map((messages) => encodeAll(HEADER, ...messages))

describe('a frame’s header', () => {
  it('is decoded by msgpack-lite to [version, uid, seq]', () => {
    fc.assert(
      fc.property(uid(), uint(), (uid, seq) => {
        const body = written((writer) => writeHeader(writer, uid, seq))
        expect(decodeAll(body)).toEqual([[1, uid, seq]])
      }),
    )
  })

  it('is read as it was written, and as msgpack-lite writes it', () => {
    fc.assert(
      fc.property(uid(), uint(), (uid, seq) => {
        expect(header(written((writer) => writeHeader(writer, uid, seq)))).toEqual({ uid, seq })
        expect(header(encodeAll([1, uid, seq]))).toEqual({ uid, seq })
      }),
    )
  })

  it('says what has to come before it, where that is so', () => {
    const pair = fc.tuple(
      fc.nat(EVERYONE),
      uint().filter((seq) => seq > 0),
    )
    fc.assert(
      fc.property(uid(), uint(), fc.array(pair, { maxLength: 20 }), (uid, seq, pairs) => {
        const requires = pairs.flat()
        const body = written((writer) => writeHeader(writer, uid, seq, requires))
        expect(decodeAll(body)).toEqual([[1, uid, seq, requires]])
        expect(header(body)).toEqual({ uid, seq, requires })
        expect(header(encodeAll([1, uid, seq, requires]))).toEqual({ uid, seq, requires })
      }),
    )
  })

  it('leaves the reader at the first message', () => {
    const reader = new MsgpackReader(encodeAll(HEADER, [4, '/', {}]))
    readHeader(reader)
    const messages = readMessages(reader, UID)
    expect(messages).toHaveLength(1)
    expect(messages.at(0)).toMatchObject({ type: 4, fields: 2, sender: UID })
  })

  it('of another version is told apart from one that is malformed, whatever else it holds', () => {
    fc.assert(
      fc.property(
        uint().filter((version) => version !== WIRE_VERSION),
        fc.array(anything(), { maxLength: 5 }),
        (version, rest) => {
          expect(() => header(encodeAll([version, ...rest]))).toThrow(UnknownVersionError)
        },
      ),
    )
  })

  it.each([
    ['not there', []],
    ['no array', ['hello']],
    ['a map', [{ version: 1 }]],
    ['without a uid', [[1]]],
    ['without a seq', [[1, UID]]],
    ['of five values', [[1, UID, 1, [], 1]]],
    ['with requirements that are no array', [[1, UID, 1, 1]]],
    ['with a required topic without a seq', [[1, UID, 1, [7]]]],
    ['with a required topic that there is not', [[1, UID, 1, [EVERYONE + 1, 1]]]],
    ['with a required seq of 0', [[1, UID, 1, [7, 0]]]],
    [
      'with more requirements than there are topics',
      [[1, UID, 1, Array(2 * (EVERYONE + 2)).fill(1)]],
    ],
    ['with a version that is no number', [['1', UID, 1]]],
    ['with a negative version', [[-1, UID, 1]]],
    ['with a uid that is no string', [[1, 5, 1]]],
    ['with an empty uid', [[1, '', 1]]],
    ['with a uid that is too short', [[1, UID.slice(1), 1]]],
    ['with a uid that is too long', [[1, `${UID}0`, 1]]],
    ['with a seq that is no number', [[1, UID, '1']]],
    ['with a negative seq', [[1, UID, -1]]],
    ['with a seq that is no integer', [[1, UID, 1.5]]],
    ['with a seq beyond 2^53 - 1', [[1, UID, 2 ** 53]]],
  ])('that is %s is malformed', (_, values) => {
    expect(() => header(encodeAll(...values))).toThrow(MalformedFrameError)
  })

  it('that is empty is of no version that we know', () => {
    expect(() => header(encodeAll([]))).toThrow(UnknownVersionError)
  })
})

describe('a frame', () => {
  it('carries no message, or several, each with its own fields', () => {
    fc.assert(
      fc.property(
        uid(),
        fc.array(fc.tuple(fc.nat(200), fc.array(anything(), { maxLength: 6 })), { maxLength: 6 }),
        (uid, said) => {
          const body = encodeAll([1, uid, 1], ...said.map(([type, fields]) => [type, ...fields]))
          const messages = messagesOf(body)
          expect(messages).toHaveLength(said.length)
          // in any order, and more than once
          for (const i of [...said.keys(), ...[...said.keys()].reverse()]) {
            const { type, sender, reader, fields } = messages.at(i)
            expect([type, fields, sender]).toEqual([said[i]?.[0], said[i]?.[1].length, uid])
            const bytes = reader.buf.subarray(reader.pos, reader.end)
            expect(bytes.equals(encodeAll(...(said[i]?.[1] ?? [])))).toBe(true)
            for (let field = 0; field < fields; field++) reader.skip()
            expect(reader.done).toBe(true)
            // no reader sees the message behind its own
            expect(() => reader.skip()).toThrow(MalformedFrameError)
          }
        },
      ),
    )
  })

  it.each([
    ['that is no array', 5],
    ['that is a map', { type: 3 }],
    ['without a type', []],
    ['whose type is no number', ['3', '/']],
    ['whose type is negative', [-3, '/']],
  ])('with a message %s delivers nothing, not even the messages before it', (_, message) => {
    const body = encodeAll(HEADER, [4, '/', {}], message)
    expect(() => messagesOf(body)).toThrow(MalformedFrameError)
  })

  it('does not take what follows a message without a type for its type', () => {
    expect(() => messagesOf(encodeAll(HEADER, [], 4))).toThrow(MalformedFrameError)
  })

  it('delivers nothing of a message that is cut short, at whichever byte, nor those before it', () => {
    const said = (count: number) =>
      frame((writer) => {
        const to = { nsp: '/chat', rooms: new Set(['röom', 'other']), flags: { volatile: true } }
        if (count > 0) writeBroadcast(writer, to, ['2["event",{"a":1}]', Buffer.alloc(300)], 'id')
        if (count > 1) writeClusterMessage(writer, 4, '/', { opts: { rooms: ['a'] }, rooms: ['b'] })
        if (count > 2) writeBroadcast(writer, to, ['2["event"]'])
      })
    // a frame that ends between two messages is a whole frame with fewer of them
    const boundaries = [0, 1, 2].map((count) => said(count).length)
    const whole = said(3)
    for (let end = 0; end < whole.length; end++) {
      const cut = whole.subarray(0, end)
      const at = boundaries.indexOf(end)
      if (at === -1) expect(() => messagesOf(cut)).toThrow(MalformedFrameError)
      else expect(messagesOf(cut)).toHaveLength(at)
    }
    expect(messagesOf(whole)).toHaveLength(3)
  })

  it('of whichever messages delivers nothing when it is cut short within one', () => {
    fc.assert(
      fc.property(fc.array(message(), { maxLength: 3 }), message(), fc.nat(), (before, last, n) => {
        const start = encodeAll(HEADER, ...before).length
        const whole = encodeAll(HEADER, ...before, last)
        const end = start + 1 + (n % (whole.length - start - 1))
        expect(() => messagesOf(whole.subarray(0, end))).toThrow(MalformedFrameError)
      }),
      { numRuns: 300 },
    )
  })

  it('of random bytes is refused as malformed or of an unknown version, and in no other way', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        expectRefusalOrNothing(() => readWhole(Buffer.from(array)))
      }),
      { numRuns: 10_000 },
    )
  })

  it('of a good header and random bytes is refused as malformed, and in no other way', () => {
    const good = encodeAll(HEADER)
    fc.assert(
      fc.property(
        fc.constantFrom(3, 4, 9, 33, 36),
        fc.uint8Array({ maxLength: 100 }),
        (type, array) => {
          expectRefusalOrNothing(() => readWhole(Buffer.concat([good, array])))
          const fields = type === MessageType.BROADCAST ? 7 : 3
          const message = Buffer.from([0x90 + fields, type, 0xa1, 0x2f])
          expectRefusalOrNothing(() => readWhole(Buffer.concat([good, message, array])))
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('that was garbled on its way is refused as malformed, and in no other way', () => {
    const mutation = fc.record({
      kind: fc.constantFrom('set', 'flip', 'insert', 'remove', 'repeat', 'cut'),
      at: fc.nat(),
      length: fc.integer({ min: 1, max: 12 }),
      byte: fc.oneof(fc.nat(255), fc.integer({ min: 0xc0, max: 0xdf })),
    })
    fc.assert(
      fc.property(
        realFrame(),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (frame, mutations) => {
          let body = Buffer.from(frame)
          for (const { kind, at: n, length, byte } of mutations) {
            const at = n % (body.length + 1)
            const [before, part, after] = [
              body.subarray(0, at),
              body.subarray(at, at + length),
              body.subarray(at + length),
            ]
            if (kind === 'set') body[at] = byte
            else if (kind === 'flip') body[at] = (body[at] ?? 0) ^ (1 << (byte % 8))
            else if (kind === 'insert') body = Buffer.concat([before, Buffer.of(byte), part, after])
            else if (kind === 'remove') body = Buffer.concat([before, after])
            else if (kind === 'repeat') body = Buffer.concat([before, part, part, after])
            else body = Buffer.from(before)
          }
          expectRefusalOrNothing(() => readWhole(body))
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('with a wrong value in any place is refused as malformed, and in no other way', () => {
    fc.assert(
      fc.property(
        fc.array(message(), { minLength: 1, maxLength: 3 }),
        anything(),
        fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
        (messages, value, path) => {
          const values = replaced([HEADER, ...messages], path, value) as unknown[]
          expectRefusalOrNothing(() => readWhole(encodeAll(...values)))
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('carries no more than 65,536 messages', () => {
    const start = encodeAll(HEADER)
    const most = Buffer.concat([start, Buffer.alloc(2 * 65_536, Buffer.from([0x91, 4]))])
    expect(messagesOf(most)).toHaveLength(65_536)
    const more = Buffer.concat([most, Buffer.from([0x91, 4])])
    expect(() => messagesOf(more)).toThrow(MalformedFrameError)
  })

  it('that nests too deep is malformed', () => {
    let deep: unknown = null
    for (let i = 0; i <= MAX_DEPTH; i++) deep = [deep]
    expect(() => messagesOf(encodeAll(HEADER, [9, '/', deep]))).toThrow(MalformedFrameError)
  })
})

/** The value with another in the place to which a path leads, or where the path ends early. */
function replaced(tree: unknown, path: readonly number[], value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (Array.isArray(tree) && tree.length > 0) {
    return tree.with(step % tree.length, replaced(tree[step % tree.length], rest, value))
  }
  if (
    tree !== null &&
    typeof tree === 'object' &&
    Object.getPrototypeOf(tree) === Object.prototype
  ) {
    const entries = Object.entries(tree)
    const entry = entries[step % entries.length]
    if (entry !== undefined) return { ...tree, [entry[0]]: replaced(entry[1], rest, value) }
  }
  return value
}
