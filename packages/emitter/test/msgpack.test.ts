import fc from 'fast-check'
import msgpack from 'msgpack-lite'
import { describe, expect, it } from 'vitest'
import {
  MAX_DEPTH,
  MalformedFrameError,
  MsgpackReader,
  MsgpackWriter,
} from '../src/wire/msgpack.js'
import { anything, bytes, encodeAll, text, uint, wellFormed, written } from './support/values.js'

/** The values that the hot path writes and reads. */
type Value =
  | { kind: 'uint'; value: number }
  | { kind: 'string'; value: string }
  | { kind: 'binary'; value: Buffer }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'array'; value: Value[] }
  | { kind: 'map'; value: [string, Value][] }

const kind = <Kind extends Value['kind'], Inner>(name: Kind, arbitrary: fc.Arbitrary<Inner>) =>
  arbitrary.map((value) => ({ kind: name, value }))

/** Fifteen pairs are the most that the writer can put into a map. */
const { tree } = fc.letrec<{ tree: Value }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    kind('uint', uint()),
    kind('string', text()),
    kind(
      'binary',
      bytes().map((array) => Buffer.from(array)),
    ),
    kind('boolean', fc.boolean()),
    kind('array', fc.array(tie('tree'), { maxLength: 20 })),
    kind(
      'map',
      fc
        .dictionary(
          text().filter((key) => key !== '__proto__'),
          tie('tree'),
          { maxKeys: 15 },
        )
        .map((object) => Object.entries(object)),
    ),
  ) as fc.Arbitrary<Value>,
}))

function plain(tree: Value): unknown {
  if (tree.kind === 'array') return tree.value.map(plain)
  if (tree.kind === 'map') {
    return Object.fromEntries(tree.value.map(([key, value]) => [key, plain(value)]))
  }
  return tree.value
}

function write(writer: MsgpackWriter, tree: Value): void {
  switch (tree.kind) {
    case 'uint':
      return writer.uint(tree.value)
    case 'string':
      return writer.string(tree.value)
    case 'binary':
      return writer.binary(tree.value)
    case 'boolean':
      return writer.boolean(tree.value)
    case 'array':
      writer.arrayHeader(tree.value.length)
      for (const value of tree.value) write(writer, value)
      return
    case 'map':
      writer.mapHeader(tree.value.length)
      for (const [key, value] of tree.value) {
        writer.string(key)
        write(writer, value)
      }
  }
}

/** Reads a value of the same kinds as the one given. */
function read(reader: MsgpackReader, like: Value): unknown {
  switch (like.kind) {
    case 'uint':
      return reader.uint()
    case 'string':
      return reader.string()
    case 'binary':
      return Buffer.from(reader.binary())
    case 'boolean':
      return reader.boolean()
    case 'array': {
      expect(reader.arrayHeader()).toBe(like.value.length)
      return like.value.map((value) => read(reader, value))
    }
    case 'map': {
      expect(reader.mapHeader()).toBe(like.value.length)
      return Object.fromEntries(
        like.value.map(([, value]) => [reader.string(), read(reader, value)]),
      )
    }
  }
}

const readers: Record<string, (reader: MsgpackReader) => unknown> = {
  uint: (reader) => reader.uint(),
  boolean: (reader) => reader.boolean(),
  arrayHeader: (reader) => reader.arrayHeader(),
  mapHeader: (reader) => reader.mapHeader(),
  string: (reader) => reader.string(),
  address: (reader) => reader.address(),
  binary: (reader) => reader.binary(),
  skip: (reader) => reader.skip(),
}

describe('the MessagePack writer', () => {
  it('writes what msgpack-lite decodes to the same value, however small its first buffer is', () => {
    fc.assert(
      fc.property(tree, fc.integer({ min: 1, max: 64 }), (value, initialBytes) => {
        const writer = new MsgpackWriter(initialBytes)
        write(writer, value)
        const bytes = writer.copy()
        expect(bytes.length).toBe(writer.length)
        expect(msgpack.decode(bytes)).toEqual(plain(value))
      }),
      { numRuns: 150 },
    )
  })

  it('writes the shortest form, as msgpack-lite does up to 32 bits', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), text(), fc.boolean(), (n, string, flag) => {
        const ours = written((writer) => {
          writer.uint(n)
          writer.string(string)
          writer.boolean(flag)
          writer.nil()
        })
        expect(ours.equals(encodeAll(n, string, flag, null))).toBe(true)
      }),
    )
  })

  it('writes a lone surrogate as the replacement character', () => {
    for (const string of ['\ud800', 'a\udfffb', `${'x'.repeat(30)}\ud83d`]) {
      const bytes = written((writer) => writer.string(string))
      expect(msgpack.decode(bytes)).toBe(wellFormed(string))
    }
  })

  it.each(
    ['a', 'é', '漢', '😀'].flatMap((char) =>
      [21_845, 21_846, 65_535, 65_536].map((n) => [n, char]),
    ),
  )('writes and reads a string of %i times %s', (count, char) => {
    const string = `${char}`.repeat(Number(count))
    const ours = written((writer) => writer.string(string))
    const theirs = msgpack.encode(string)
    expect(ours.equals(theirs)).toBe(true)
    const reader = new MsgpackReader(theirs)
    expect(reader.string() === string && reader.done).toBe(true)
  })

  it.each([255, 256, 65_535, 65_536])('writes and reads a binary of %i bytes', (length) => {
    const binary = Buffer.alloc(length, 7)
    const ours = written((writer) => writer.binary(binary))
    expect(binary.equals(msgpack.decode(ours))).toBe(true)
    for (const form of [ours, msgpack.encode(binary)]) {
      const reader = new MsgpackReader(form)
      expect(binary.equals(reader.binary()) && reader.done).toBe(true)
    }
  })

  it.each([0, 15, 16, 65_535, 65_536])('writes an array of %i', (length) => {
    const bytes = written((writer) => {
      writer.arrayHeader(length)
      for (let i = 0; i < length; i++) writer.nil()
    })
    expect(msgpack.decode(bytes)).toEqual(new Array(length).fill(null))
  })

  it('hands out copies that later writes leave alone', () => {
    fc.assert(
      fc.property(tree, tree, (first, second) => {
        const writer = new MsgpackWriter(8)
        write(writer, first)
        const start = writer.length
        const whole = writer.copy()
        write(writer, second)
        const rest = writer.copy(start)
        writer.truncate(0)
        write(writer, { kind: 'binary', value: Buffer.alloc(whole.length + rest.length + 8) })
        expect(msgpack.decode(whole)).toEqual(plain(first))
        expect(msgpack.decode(rest)).toEqual(plain(second))
      }),
    )
  })

  it('forgets what it is told to forget, and nothing else', () => {
    fc.assert(
      fc.property(tree, tree, tree, (kept, forgotten, next) => {
        const writer = new MsgpackWriter(8)
        write(writer, kept)
        const length = writer.length
        write(writer, forgotten)
        writer.truncate(length)
        write(writer, next)
        const both = written((expected) => {
          write(expected, kept)
          write(expected, next)
        })
        expect(writer.copy().equals(both)).toBe(true)
      }),
    )
  })

  it('can be used again after it has been emptied of something large', () => {
    const writer = new MsgpackWriter()
    writer.binary(new Uint8Array(2_000_000))
    writer.truncate(0)
    writer.string('small')
    expect(msgpack.decode(writer.copy())).toBe('small')
  })
})

describe('the MessagePack reader', () => {
  it('reads what msgpack-lite encodes', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const reader = new MsgpackReader(msgpack.encode(plain(value)))
        // msgpack-lite writes the pairs of a map in the order of the object, whose numbers come first
        expect(read(reader, inOrder(value))).toEqual(plain(value))
        expect(reader.done).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  it('reads what the writer writes', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const reader = new MsgpackReader(written((writer) => write(writer, value)))
        expect(read(reader, value)).toEqual(plain(value))
        expect(reader.done).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  it('reads integers in each of their forms, the longest for a short number too', () => {
    fc.assert(
      fc.property(uint(), (n) => {
        const forms = [written((writer) => writer.uint(n)), msgpack.encode(n)]
        const long = Buffer.alloc(9, 0xcf)
        long.writeBigUInt64BE(BigInt(n), 1)
        const double = Buffer.alloc(9, 0xcb)
        double.writeDoubleBE(n, 1)
        for (const form of [...forms, long, double]) {
          expect(new MsgpackReader(form).uint()).toBe(n)
          expect(new MsgpackReader(form).address()).toBe(n)
        }
      }),
    )
  })

  it.each([
    ['2^53', 'cf0020000000000000'],
    ['the largest of 64 bits', 'cfffffffffffffffff'],
    ['a fraction', 'cb3ff8000000000000'],
    ['a negative double', 'cbbff0000000000000'],
    ['a double that is not a number', 'cb7ff8000000000000'],
    ['an infinite double', 'cb7ff0000000000000'],
  ])('does not take %s for an unsigned integer', (_, hex) => {
    expect(() => new MsgpackReader(Buffer.from(hex, 'hex')).uint()).toThrow(MalformedFrameError)
  })

  it('reads a room’s name, a number in its place, or nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(text(), uint(), fc.integer(), fc.double(), fc.constant(null)),
        (room) => {
          const reader = new MsgpackReader(msgpack.encode(room))
          // a Map, and so a room, knows no difference between 0 and -0, which msgpack-lite writes as 0
          expect(reader.address()).toBe(room === 0 ? 0 : room)
          expect(reader.done).toBe(true)
        },
      ),
    )
    for (const room of [true, [], {}, Buffer.alloc(1)]) {
      expect(() => new MsgpackReader(msgpack.encode(room)).address()).toThrow(MalformedFrameError)
    }
  })

  it('knows a binary when it stands before one, and only then', () => {
    fc.assert(
      fc.property(anything(), (value) => {
        expect(new MsgpackReader(msgpack.encode(value)).atBinary()).toBe(Buffer.isBuffer(value))
      }),
    )
    const binary = msgpack.encode(Buffer.from('x'))
    expect(new MsgpackReader(binary, 0, 0).atBinary()).toBe(false)
    expect(new MsgpackReader(binary, binary.length).atBinary()).toBe(false)
  })

  it('passes exactly over any value that msgpack-lite writes', () => {
    fc.assert(
      fc.property(anything(), bytes(), bytes(), (value, before, after) => {
        const encoded = msgpack.encode(value)
        const reader = new MsgpackReader(Buffer.concat([before, encoded, after]), before.length)
        reader.skip()
        expect(reader.pos).toBe(before.length + encoded.length)
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['nil', 'c0'],
    ['booleans', 'c2'],
    ['a negative fixint', 'e0'],
    ['float 32', 'ca00000000'],
    ['float 64', 'cb0000000000000000'],
    ['uint 8', 'cc00'],
    ['uint 16', 'cd0000'],
    ['uint 32', 'ce00000000'],
    ['uint 64', 'cf0000000000000000'],
    ['int 8', 'd000'],
    ['int 16', 'd10000'],
    ['int 32', 'd200000000'],
    ['int 64', 'd30000000000000000'],
    ['fixext 1', 'd40500'],
    ['fixext 2', 'd5050000'],
    ['fixext 4', 'd60500000000'],
    ['fixext 8', 'd7050000000000000000'],
    ['fixext 16', `d805${'00'.repeat(16)}`],
    ['ext 8', 'c7030500ffff'],
    ['ext 16', 'c800030500ffff'],
    ['ext 32', 'c9000000030500ffff'],
    ['bin 8', 'c403ffffff'],
    ['bin 16', 'c50003ffffff'],
    ['bin 32', 'c600000003ffffff'],
    ['fixstr', 'a3616263'],
    ['str 8', 'd903616263'],
    ['str 16', 'da0003616263'],
    ['str 32', 'db00000003616263'],
    ['fixarray', '9201c0'],
    ['array 16', 'dc000201c0'],
    ['array 32', 'dd0000000201c0'],
    ['fixmap', '81a161c0'],
    ['map 16', 'de0001a161c0'],
    ['map 32', 'df00000001a161c0'],
  ])('passes exactly over %s, and over no part of it', (_, hex) => {
    const value = Buffer.from(hex, 'hex')
    const reader = new MsgpackReader(Buffer.concat([value, Buffer.from([1])]))
    reader.skip()
    expect(reader.pos).toBe(value.length)
    for (let end = 0; end < value.length; end++) {
      expect(() => new MsgpackReader(value, 0, end).skip()).toThrow(MalformedFrameError)
      expect(() => new MsgpackReader(value.subarray(0, end)).skip()).toThrow(MalformedFrameError)
    }
  })

  it('refuses the one byte that MessagePack never uses', () => {
    expect(() => new MsgpackReader(Buffer.from([0xc1])).skip()).toThrow(MalformedFrameError)
  })

  it('refuses a value that is cut short at any byte, and leaves what stands behind it alone', () => {
    fc.assert(
      fc.property(anything(), tree, fc.nat(), (value, ours, cut) => {
        const foreign = msgpack.encode(value)
        const end = cut % foreign.length
        expect(() => new MsgpackReader(foreign, 0, end).skip()).toThrow(MalformedFrameError)

        const own = written((writer) => write(writer, ours))
        const ownEnd = cut % own.length
        expect(() => read(new MsgpackReader(own, 0, ownEnd), ours)).toThrow(MalformedFrameError)
        const short = own.subarray(0, ownEnd)
        expect(() => read(new MsgpackReader(short), ours)).toThrow(MalformedFrameError)
      }),
      { numRuns: 150 },
    )
  })

  it('refuses a short value at every one of its bytes', () => {
    const value: Value = {
      kind: 'array',
      value: [
        { kind: 'uint', value: 2 ** 40 },
        { kind: 'string', value: 'ü'.repeat(40) },
        { kind: 'binary', value: Buffer.alloc(300) },
        { kind: 'map', value: [['key', { kind: 'boolean', value: true }]] },
      ],
    }
    const whole = written((writer) => write(writer, value))
    for (let end = 0; end < whole.length; end++) {
      expect(() => read(new MsgpackReader(whole, 0, end), value)).toThrow(MalformedFrameError)
      expect(() => new MsgpackReader(whole, 0, end).skip()).toThrow(MalformedFrameError)
    }
  })

  it('ends at once at a forged length, however large', () => {
    const forged = ['dd', 'df', 'db', 'c6', 'c9'].flatMap((type) => [
      Buffer.from(`${type}ffffffff`, 'hex'),
      Buffer.concat([Buffer.from(`${type}ffffffff`, 'hex'), Buffer.alloc(1000, 0xc0)]),
      Buffer.concat([Buffer.from(`${type}7fffffff`, 'hex'), Buffer.alloc(1000, 0x90)]),
    ])
    for (const bytes of forged) {
      expect(() => new MsgpackReader(bytes).skip()).toThrow(MalformedFrameError)
      for (const name of ['string', 'binary']) {
        expect(() => readers[name]?.(new MsgpackReader(bytes))).toThrow(MalformedFrameError)
      }
    }
    // arrays in arrays, each of which says that it holds as many values as there are bytes left
    const nested = Buffer.alloc(5 * 60)
    for (let i = 0; i < 60; i++) {
      nested[i * 5] = 0xdd
      nested.writeUInt32BE(nested.length - (i + 1) * 5, i * 5 + 1)
    }
    expect(() => new MsgpackReader(nested).skip()).toThrow(MalformedFrameError)
  })

  it('takes values that nest as deep as they may, and refuses deeper ones, however deep', () => {
    const nested = (depth: number, opening: number[]) =>
      Buffer.concat([Buffer.alloc(depth * opening.length, Buffer.from(opening)), Buffer.of(0xc0)])
    for (const opening of [[0x91], [0xdc, 0, 1], [0x81, 0x01], [0xdf, 0, 0, 0, 1, 0x01]]) {
      const deep = nested(MAX_DEPTH, opening)
      const reader = new MsgpackReader(deep)
      reader.skip()
      expect(reader.pos).toBe(deep.length)
      for (const depth of [MAX_DEPTH + 1, MAX_DEPTH + 2, 1_000_000]) {
        const tooDeep = new MsgpackReader(nested(depth, opening))
        expect(() => tooDeep.skip()).toThrow(MalformedFrameError)
      }
    }
  })

  it('throws nothing but a MalformedFrameError, whatever the bytes, and stays within them', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 64 }), anything().map(msgpack.encode)),
        fc.constantFrom(...Object.keys(readers)),
        fc.nat(4),
        (array, name, end) => {
          const reader = new MsgpackReader(Buffer.from(array), 0, Math.max(0, array.length - end))
          try {
            readers[name]?.(reader)
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedFrameError)
          }
          expect(reader.pos).toBeLessThanOrEqual(Math.max(reader.end, 0))
        },
      ),
      { numRuns: 1000 },
    )
  })
})

/** The value with its maps' pairs in the order in which an object has them. */
function inOrder(tree: Value): Value {
  if (tree.kind === 'array') return { kind: 'array', value: tree.value.map(inOrder) }
  if (tree.kind !== 'map') return tree
  const pairs = Object.fromEntries(tree.value)
  return {
    kind: 'map',
    value: Object.entries(pairs).map(([key, value]) => [key, inOrder(value)]),
  }
}
