import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BucketSet } from '../src/wire/bucket-set.js'
import { BUCKETS } from '../src/wire/buckets.js'
import { type Control, ControlType, readControl, writeControl } from '../src/wire/control.js'
import { readHeader, readMessages } from '../src/wire/frame.js'
import { MalformedFrameError, MsgpackReader } from '../src/wire/msgpack.js'
import { bytes, decodeAll, encodeAll, frame, text, UID, uint } from './support/values.js'

const HEADER = [1, UID, 0]

function read(body: Buffer) {
  const reader = new MsgpackReader(body)
  return Array.from(readMessages(reader, readHeader(reader).uid), readControl)
}

const range = (type: typeof ControlType.NAK | typeof ControlType.GONE) =>
  fc.record({
    type: fc.constant(type),
    topic: text(),
    from: uint().filter((from) => from > 0),
    to: fc.constant(Number.MAX_SAFE_INTEGER),
  })

const bucket = () => fc.nat(BUCKETS - 1)

/** So few that they are listed, in their order. */
const fewBuckets = () =>
  fc.uniqueArray(bucket(), { maxLength: 100 }).map((buckets) => buckets.toSorted((a, b) => a - b))

function setOf(buckets: number[]): BucketSet {
  const set = new BucketSet()
  for (const bucket of buckets) set.add(bucket)
  return set
}

/** Each control message, and the values that the protocol makes of it. */
const message = (): fc.Arbitrary<[Control, unknown[]]> =>
  fc.oneof<fc.Arbitrary<[Control, unknown[]]>[]>(
    uint().map((token) => [{ type: ControlType.MARK, token }, [32, token]]),
    range(ControlType.NAK).map((nak) => [nak, [33, nak.topic, nak.from, nak.to]]),
    range(ControlType.GONE).map((gone) => [gone, [34, gone.topic, gone.from, gone.to]]),
    fc
      .tuple(text(), uint(), uint())
      .map(([topic, last, ageMs]) => [
        { type: ControlType.DIGEST, topic, last, ageMs },
        [35, topic, last, ageMs],
      ]),
    fc
      .tuple(text(), uint(), uint(), uint())
      .map(([topic, last, ageMs, base]) => [
        { type: ControlType.DIGEST, topic, last, ageMs, base },
        [35, topic, last, ageMs, base],
      ]),
    fc
      .tuple(text(), bytes())
      .map(([topic, bytes]) => [
        { type: ControlType.REPAIR, topic, body: Buffer.from(bytes) },
        [36, topic, Buffer.from(bytes)],
      ]),
    fc.constant([{ type: ControlType.ASK }, [37]]),
    fc
      .tuple(text(), uint())
      .map(([topic, ageMs]) => [
        { type: ControlType.ASK, about: { topic, ageMs } },
        [37, topic, ageMs],
      ]),
    uint().map((number) => [{ type: ControlType.PROBE, number }, [38, number]]),
    fewBuckets().map((buckets) => [
      { type: ControlType.INTEREST, buckets: setOf(buckets) },
      [39, buckets],
    ]),
    fc
      .tuple(uint(), fc.array(fc.tuple(bucket(), uint(), uint())))
      .map(([ageMs, stands]) => [
        { type: ControlType.BUCKET_DIGEST, ageMs, stands: stands.flat() },
        [40, ageMs, stands.flat()],
      ]),
  )

describe('a control message', () => {
  it('is decoded by msgpack-lite to the values of the protocol', () => {
    fc.assert(
      fc.property(fc.array(message()), (messages) => {
        const body = frame((writer) => {
          for (const [control] of messages) writeControl(writer, control)
        }, 0)
        expect(decodeAll(body)).toEqual([HEADER, ...messages.map(([, values]) => values)])
      }),
    )
  })

  it('is read as it was written, and as msgpack-lite writes it', () => {
    fc.assert(
      fc.property(fc.array(message()), (messages) => {
        const controls = messages.map(([control]) => control)
        const ours = frame((writer) => {
          for (const control of controls) writeControl(writer, control)
        }, 0)
        expect(read(ours)).toEqual(controls)
        const theirs = encodeAll(HEADER, ...messages.map(([, values]) => values))
        expect(read(theirs)).toEqual(controls)
      }),
    )
  })

  it('is told apart from all other messages', () => {
    for (let type = 0; type < 200; type++) {
      if (Object.values(ControlType).includes(type as never)) continue
      expect(read(encodeAll(HEADER, [type, 'a', 1, 2]))).toEqual([undefined])
    }
  })

  it('is malformed with one field more or less', () => {
    fc.assert(
      fc.property(message(), ([{ type }, values]) => {
        fc.pre(type !== ControlType.DIGEST) // which may have one more
        const more = encodeAll(HEADER, [...values, 1])
        expect(() => read(more)).toThrow(MalformedFrameError)
        if (values.length === 1) return
        const less = encodeAll(HEADER, values.slice(0, -1))
        expect(() => read(less)).toThrow(MalformedFrameError)
      }),
    )
  })

  it.each([
    ['a range that ends before it begins', [33, 'key/*', 5, 4]],
    ['a range that begins with 0', [33, 'key/*', 0, 4]],
    ['a range of nothing', [34, 'key/*', 0, 0]],
    ['a topic that is no string', [33, 5, 1, 4]],
    ['a seq that is no number', [33, 'key/*', '1', 4]],
    ['two fields, if it is a digest', [35, 'key/*', 1]],
    ['six fields, if it is a digest', [35, 'key/*', 1, 2, 3, 4]],
    ['a bitmap that is too short', [39, Buffer.alloc(BUCKETS / 8 - 1)]],
    ['a bitmap that is too long', [39, Buffer.alloc(BUCKETS / 8 + 1)]],
    ['a bucket that there is not', [39, [BUCKETS]]],
    ['more buckets than there are', [39, Array.from({ length: BUCKETS + 1 }, () => 1)]],
    ['two numbers for a bucket', [40, 1, [1, 2]]],
    ['a digest of a bucket that there is not', [40, 1, [BUCKETS, 1, 1]]],
    [
      'more digests than there are buckets',
      [40, 1, Array.from({ length: 3 * (BUCKETS + 1) }, () => 1)],
    ],
    ['a negative age', [35, 'key/*', 1, -1]],
    ['a body that is no binary', [36, 'key/*', 'body']],
    ['a token that is no number', [32, null]],
  ])('with %s is malformed', (_, values) => {
    expect(() => read(encodeAll(HEADER, values))).toThrow(MalformedFrameError)
  })
})
