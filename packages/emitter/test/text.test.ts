import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  isShortAscii,
  readAscii,
  readText,
  SHORT_TEXT,
  writeAscii,
  writeText,
} from '../src/wire/text.js'

/** Bytes with others before and behind them, as they stand in a frame. */
function framed(bytes: Buffer): { buf: Buffer; start: number; end: number } {
  const buf = Buffer.concat([Buffer.from('é'), bytes, Buffer.from('é')])
  return { buf, start: 2, end: 2 + bytes.length }
}

const anyBytes = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes))
const anyText = fc.string({ unit: 'binary', maxLength: 300 })
const anyAscii = fc.string({ unit: 'binary-ascii', maxLength: 300 })

describe('text', () => {
  test('is read as TextDecoder reads it, whatever the bytes', () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    fc.assert(
      fc.property(fc.oneof(anyBytes, anyText.map(Buffer.from)), (bytes) => {
        const { buf, start, end } = framed(bytes)
        expect(readText(buf, start, end)).toBe(decoder.decode(bytes))
      }),
    )
  })

  test('is written as Buffer.from() does, and nothing beside it', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const bytes = Buffer.from(text)
        const buf = Buffer.alloc(bytes.length + 8, 1)
        expect(writeText(buf, text, 4)).toBe(bytes.length)
        expect(buf).toEqual(Buffer.concat([Buffer.alloc(4, 1), bytes, Buffer.alloc(4, 1)]))
      }),
    )
  })
})

describe('ASCII', () => {
  test('is read and written as UTF-8 is', () => {
    fc.assert(
      fc.property(anyAscii, (text) => {
        const { buf, start, end } = framed(Buffer.from(text))
        expect(readAscii(buf, start, end)).toBe(text)
        const copy = Buffer.alloc(text.length + 8, 1)
        writeAscii(copy, text, 4)
        expect(copy.toString()).toBe(`\u0001\u0001\u0001\u0001${text}\u0001\u0001\u0001\u0001`)
      }),
    )
  })

  test('is told from everything else, and from text that is long', () => {
    fc.assert(
      fc.property(fc.oneof(anyBytes, anyAscii.map(Buffer.from)), (bytes) => {
        const { buf, start, end } = framed(bytes)
        const isAscii = bytes.every((byte) => byte < 0x80)
        expect(isShortAscii(buf, start, end)).toBe(isAscii && bytes.length <= 256)
      }),
    )
    for (const length of [1, SHORT_TEXT, SHORT_TEXT + 1, 256]) {
      const text = Buffer.alloc(length, 'x')
      expect(isShortAscii(text, 0, length)).toBe(true)
      for (const at of [0, length - 1]) {
        const other = Buffer.from(text)
        other[at] = 0x80
        expect(isShortAscii(other, 0, length)).toBe(false)
      }
    }
  })
})
