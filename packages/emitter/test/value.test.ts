import fc from 'fast-check'
import msgpack from 'msgpack-lite'
import { describe, expect, it } from 'vitest'
import { countObjects } from '../src/wire/extensions.js'
import { MAX_OBJECTS } from '../src/wire/limits.js'
import { MalformedFrameError, MsgpackWriter } from '../src/wire/msgpack.js'
import { readValue } from '../src/wire/value-reader.js'
import { writeValue } from '../src/wire/value-writer.js'
import { anything } from './support/values.js'

function written(value: unknown): Buffer {
  const writer = new MsgpackWriter()
  writeValue(writer, value)
  return writer.copy()
}

/** A map of one pair, whose key and value are MessagePack in hex. */
const map = (key: string, value: string) => Buffer.from(`81${key}${value}`, 'hex')
const hexOf = (value: unknown) => msgpack.encode(value).toString('hex')
const PROTO = hexOf('__proto__')

describe('a written value', () => {
  it('is to msgpack-lite what it would have written itself, at most as long', () => {
    fc.assert(
      fc.property(anything(), (value) => {
        const bytes = written(value)
        const expected = msgpack.encode(value)
        expect(msgpack.decode(bytes)).toEqual(msgpack.decode(expected))
        expect(bytes.length).toBeLessThanOrEqual(expected.length + 3 * countNegatives(value))
      }),
    )
  })

  it.each([
    [-0, 0],
    [-1, -1],
    [-32, -32],
    [-33, -33],
    [-(2 ** 31), -(2 ** 31)],
    [-(2 ** 31) - 1, -(2 ** 31) - 1],
    [2 ** 53, 2 ** 53],
    [Number.NaN, Number.NaN],
    [undefined, null],
    [() => 1, null],
    [Symbol('x'), null],
    [
      [undefined, () => 1],
      [null, null],
    ],
    [new Map([[1, 2]]), {}],
    [Object.create(null, { a: { value: 1, enumerable: true } }), { a: 1 }],
  ])('%o is read as %o, by msgpack-lite too', (value, expected) => {
    expect(readValue(written(value))).toEqual(expected)
    expect(msgpack.decode(written(value))).toEqual(expected)
  })

  it('keeps dates, typed arrays, errors and the like', () => {
    const value = [new Date(5), Float32Array.of(1.5), /a/g, Buffer.from('b'), new Uint8Array(2)]
    expect(readValue(written(value))).toEqual(value)
    const error = readValue(written({ error: new TypeError('no') })) as { error: Error }
    expect(error.error).toBeInstanceOf(TypeError)
    expect(error.error.message).toBe('no')
  })

  it.each([15, 16, 65_535, 65_536])('has maps and arrays of %i', (length) => {
    const array = Array.from({ length }, (_, i) => i)
    const map = Object.fromEntries(array.map((i) => [`key ${i}`, i]))
    expect(readValue(written([map, array]))).toEqual([map, array])
    expect(msgpack.decode(written([map, array]))).toEqual([map, array])
  })

  it('is refused where nothing can be made of it', () => {
    expect(() => written({ a: 5n })).toThrow()
  })
})

/** msgpack-lite writes small negative numbers in 2 or 3 bytes, and we in 5. */
function countNegatives(value: unknown): number {
  if (typeof value === 'number') return value < -32 ? 1 : 0
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce((sum: number, item) => sum + countNegatives(item), 0)
}

describe('a read value', () => {
  it('is what msgpack-lite reads, where no key would change a prototype', () => {
    fc.assert(
      fc.property(anything(), (value) => {
        const bytes = msgpack.encode(value)
        expect(readValue(bytes)).toEqual(msgpack.decode(bytes))
      }),
    )
  })

  it.each([
    ['a key', map(PROTO, hexOf({ polluted: true }))],
    ['a key that is an array', map(`91${PROTO}`, hexOf({ polluted: true }))],
    ['a key of bytes', map(hexOf(Buffer.from('__proto__')), hexOf({ polluted: true }))],
    ['a key in UTF-8 that is too long', map('aac19f5f70726f746f5f5f', hexOf({ polluted: true }))],
  ])('has the prototype of all objects, even with __proto__ as %s', (_, bytes) => {
    const value = readValue(bytes) as Record<string, unknown>
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(value.polluted).toBeUndefined()
    expect('polluted' in {}).toBe(false)
  })

  it('is without such keys at every depth, in errors too', () => {
    const evil = map(PROTO, hexOf({ polluted: true })).toString('hex')
    const deep = readValue(Buffer.from(`9281a161${evil}91${evil}`, 'hex')) as never
    const [{ a }, [b]] = deep as [{ a: object }, [object]]
    expect([a, b].map((value) => 'polluted' in value)).toEqual([false, false])
    const content = Buffer.from(`81${hexOf('message')}${evil}`, 'hex')
    const error = readValue(Buffer.concat([Buffer.from([0xc7, content.length, 0x0e]), content]))
    expect(error).toBeInstanceOf(Error)
    expect('polluted' in ((error as Error).message as unknown as object)).toBe(false)
  })

  it('has no constructor with a prototype, which a careless merge would follow', () => {
    const bytes = msgpack.encode({ constructor: { prototype: { polluted: true } }, kept: 1 })
    const value = readValue(bytes) as object
    expect(Object.keys(value)).toEqual(['kept'])
    const harmless = { constructor: 'Bauhaus', prototype: 'a first try' }
    expect(readValue(msgpack.encode(harmless))).toEqual(harmless)
  })
})

describe('the objects in a value', () => {
  it('are counted: maps, arrays, binaries and extensions', () => {
    const value = { a: [1, 'two', { b: Buffer.from('c') }], d: new Uint8Array(3), e: null, f: -1.5 }
    expect(countObjects(msgpack.encode(value))).toBe(5)
  })

  it('are at least as many as there are arrays, maps and binaries, whatever the value', () => {
    fc.assert(
      fc.property(anything(), (value) => {
        const bytes = msgpack.encode(value)
        const count = (value: unknown): number => {
          if (typeof value !== 'object' || value === null) return 0
          if (Array.isArray(value)) return value.reduce((sum, item) => sum + count(item), 1)
          if (Object.prototype.toString.call(value) !== '[object Object]') return 1
          return Object.values(value).reduce((sum: number, item) => sum + count(item), 1)
        }
        expect(countObjects(bytes)).toBeGreaterThanOrEqual(count(msgpack.decode(bytes)))
      }),
    )
  })

  it('are a million at most, be they written or read, also inside extensions', () => {
    const head = Buffer.from('dd00100000', 'hex')
    const arrays = Buffer.concat([head, Buffer.alloc(MAX_OBJECTS, 0x90)])
    const refused = expect.objectContaining({ name: 'MalformedFrameError', reason: 'tooMany' })
    expect(() => readValue(arrays)).toThrow(refused)
    const extension = Buffer.from('c9001000050e', 'hex')
    expect(() => readValue(Buffer.concat([extension, arrays]))).toThrow(refused)
    expect(() => written(new Array(MAX_OBJECTS).fill([]))).toThrow(RangeError)
  })
})

it('that contains itself is not written, and it is said why', () => {
  const value: Record<string, unknown> = {}
  value.self = value
  expect(() => written(value)).toThrow(/contains itself, or nests deeper than 512/)
})

it('nothing but MalformedFrameError is thrown at bytes of any kind', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        readValue(Buffer.from(bytes))
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedFrameError)
      }
    }),
    { numRuns: 5_000 },
  )
})
