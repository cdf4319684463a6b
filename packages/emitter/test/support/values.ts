import fc from 'fast-check'
import msgpack from 'msgpack-lite'
import { writeHeader } from '../../src/wire/frame.js'
import { MsgpackWriter } from '../../src/wire/msgpack.js'

/** A sender's uid, as good as any. */
export const UID = '0123456789abcdef'

/** All the values in a stream of them, as msgpack-lite reads them. */
export function decodeAll(bytes: Buffer): unknown[] {
  const values: unknown[] = []
  const decoder = msgpack.Decoder()
  decoder.on('data', (value) => values.push(value))
  decoder.decode(bytes)
  decoder.flush()
  return values
}

/** A stream of values, as msgpack-lite writes them. */
export function encodeAll(...values: unknown[]): Buffer {
  return Buffer.concat(values.map((value) => msgpack.encode(value)))
}

/** What a writer has written. */
export function written(write: (writer: MsgpackWriter) => void): Buffer {
  const writer = new MsgpackWriter(16)
  write(writer)
  return writer.copy()
}

/** A frame's body: a header and what is written behind it. */
export function frame(write: (writer: MsgpackWriter) => void, seq = 1): Buffer {
  return written((writer) => {
    writeHeader(writer, UID, seq)
    write(writer)
  })
}

/** A text as it comes back from UTF-8, which has no lone surrogates. */
export const wellFormed = (text: string) => Buffer.from(text, 'utf8').toString('utf8')

/** Integers from 0 to 2^53 - 1, the borders of MessagePack's forms often among them. */
export const uint = () =>
  fc.oneof(
    fc.maxSafeNat(),
    fc.nat(0x200),
    fc.nat(),
    fc.constantFrom(
      ...[0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff].flatMap((n) => [n - 1, n, n + 1]),
      Number.MAX_SAFE_INTEGER,
    ),
  )

/** Texts of all scripts, and of the lengths at which MessagePack's shorter forms end. */
export const text = () =>
  fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }) },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 80 }) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 80 }) },
    // UTF-16 as it comes, lone surrogates and all
    {
      weight: 2,
      arbitrary: fc
        .array(fc.oneof(fc.integer({ min: 0xd7f0, max: 0xe010 }), fc.nat(0xffff)), {
          maxLength: 40,
        })
        .map((units) => wellFormed(String.fromCharCode(...units))),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          fc.constantFrom('a', 'é', '漢', '😀'),
          fc.constantFrom(8, 10, 16, 24, 31, 32, 64, 85, 255, 256),
          fc.string({ maxLength: 2 }),
        )
        .map(([char, count, tail]) => char.repeat(count) + tail),
    },
  )

export const bytes = () => fc.uint8Array({ maxLength: 300 })

/** Whatever msgpack-lite can write: its extensions, nested, and all kinds of numbers among it. */
export const anything = () => anyValue.value

const keys = fc.string({ unit: 'binary', maxLength: 20 }).filter((key) => key !== '__proto__')

const anyValue = fc.letrec<{ value: unknown; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(null, undefined, true, false),
    fc.integer(),
    fc.integer({ min: -0x9000, max: 0x9000 }),
    fc.maxSafeInteger(),
    fc.double(),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 20 }),
    fc.int16Array({ maxLength: 20 }),
    fc.float32Array({ maxLength: 20 }),
    fc.float64Array({ maxLength: 20 }),
    fc.uint8Array({ maxLength: 20 }).map((array) => new DataView(array.slice().buffer)),
    fc.uint8Array({ maxLength: 20 }).map((array) => array.slice().buffer),
    fc.string({ maxLength: 20 }).map((message) => new RangeError(message)),
    fc.constantFrom(/a+b/gi, new String('boxed'), new Number(-1.5), new Boolean(true)),
  ),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    // a few are longer than the shortest forms of arrays and maps
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(tie('leaf'), { minLength: 14, maxLength: 18 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
    fc.dictionary(keys, tie('leaf'), { minKeys: 14, maxKeys: 18 }),
  ),
}))
