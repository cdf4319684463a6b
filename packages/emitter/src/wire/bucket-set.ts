import { BUCKETS } from './buckets.js'
import { MalformedFrameError, type MsgpackReader, type MsgpackWriter } from './msgpack.js'

const BITMAP_BYTES = BUCKETS / 8
/** So many buckets take fewer bytes as a list of numbers, of up to 3 bytes each. */
const MAX_LISTED = Math.floor(BITMAP_BYTES / 3)

/** A set of buckets: a bit for each. */
export class BucketSet {
  /** Bucket 0 is the lowest bit of the first byte. */
  readonly bits: Uint8Array
  #size = 0

  /** @param bits - becomes the set's own */
  constructor(bits: Uint8Array = new Uint8Array(BITMAP_BYTES)) {
    this.bits = bits
    for (let byte of bits) for (; byte !== 0; byte &= byte - 1) this.#size++
  }

  get size(): number {
    return this.#size
  }

  has(bucket: number): boolean {
    return (this.bits[bucket >> 3]! & (1 << (bucket & 7))) !== 0
  }

  add(bucket: number): void {
    if (this.has(bucket)) return
    this.bits[bucket >> 3]! |= 1 << (bucket & 7)
    this.#size++
  }

  delete(bucket: number): void {
    if (!this.has(bucket)) return
    this.bits[bucket >> 3]! &= ~(1 << (bucket & 7))
    this.#size--
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (let i = 0; i < BITMAP_BYTES; i++) {
      const byte = this.bits[i]!
      for (let bit = 0; byte >> bit !== 0; bit++) if ((byte >> bit) & 1) yield i * 8 + bit
    }
  }
}

/** Writes a set as a bitmap, or as a list where that is shorter. */
export function writeBuckets(writer: MsgpackWriter, buckets: BucketSet): void {
  if (buckets.size > MAX_LISTED) return writer.binary(buckets.bits)
  writer.arrayHeader(buckets.size)
  for (const bucket of buckets) writer.uint(bucket)
}

/** @throws MalformedFrameError */
export function readBuckets(reader: MsgpackReader): BucketSet {
  if (reader.atBinary()) {
    const bits = reader.binary()
    if (bits.length !== BITMAP_BYTES) {
      throw new MalformedFrameError(`a bitmap of ${bits.length} bytes, not ${BITMAP_BYTES}`)
    }
    return new BucketSet(Uint8Array.from(bits))
  }
  const count = reader.arrayHeader()
  if (count > BUCKETS) throw new MalformedFrameError(`a list of ${count} buckets`)
  const buckets = new BucketSet()
  for (let i = 0; i < count; i++) {
    const bucket = reader.uint()
    if (bucket >= BUCKETS) throw new MalformedFrameError(`a bucket of number ${bucket}`)
    buckets.add(bucket)
  }
  return buckets
}
