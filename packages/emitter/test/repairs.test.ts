import { describe, expect, it } from 'vitest'
import { Refusals } from '../src/bus/refusals.js'
import { Repairs, type RepairsOptions } from '../src/bus/repairs.js'
import { BUCKETS } from '../src/wire/buckets.js'
import { ControlType, readControl } from '../src/wire/control.js'
import { readHeader, readMessages } from '../src/wire/frame.js'
import { MsgpackReader, type MsgpackWriter } from '../src/wire/msgpack.js'
import { Topics } from '../src/wire/topics.js'
import { frame, UID } from './support/values.js'

/** What is told when the link comes up, by a sender that has said something to every bucket. */
function digestsOfAllBuckets(maxMessageBytes: number): Buffer[] {
  const topics = new Topics('key')
  const frames: Buffer[] = []
  const outgoing = {
    bucketTopics: () => Array.from({ length: BUCKETS }, (_, bucket) => topics.bucket(bucket)),
    lastFrame: () => ({ seq: 2 ** 40, at: performance.now() + 2 ** 40 }),
    lastSent: () => 1,
    sayFirst: (_: string, write: (writer: MsgpackWriter) => void) => frames.push(frame(write, 0)),
  }
  const options = {
    uid: UID,
    topics,
    journal: { topics: () => [] },
    outgoing,
    maxMessageBytes,
    directing: {},
    ownTopicOf: topics.node,
    isReachable: () => true,
    refusals: new Refusals(),
  }
  const repairs = new Repairs(options as unknown as RepairsOptions)
  repairs.linkUp()
  repairs.close()
  return frames
}

function bucketsIn(body: Buffer): number[] {
  const reader = new MsgpackReader(body)
  const controls = Array.from(readMessages(reader, readHeader(reader).uid), readControl)
  const stands = controls.flatMap((control) =>
    control?.type === ControlType.BUCKET_DIGEST ? control.stands : [],
  )
  return stands.filter((_, i) => i % 3 === 0)
}

describe('the digests of all buckets', () => {
  const all = Array.from({ length: BUCKETS }, (_, bucket) => bucket)

  it('go out in one frame', () => {
    const frames = digestsOfAllBuckets(64 * 1024 * 1024)
    expect(frames.map(bucketsIn)).toEqual([all])
  })

  it('go out in several where one would be too large, each bucket once', () => {
    const frames = digestsOfAllBuckets(4096)
    expect(Math.max(...frames.map(({ length }) => length))).toBeLessThan(4096 / 2 + 512)
    expect(frames.flatMap(bucketsIn)).toEqual(all)
  })
})
