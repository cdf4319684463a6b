import msgpack from 'msgpack-lite'
import { Random } from '../simulation/random.js'
import { makeCorpus, NAMESPACES, ROOMS, UIDS } from './corpus.js'
import { decode, slices, UNDECODABLE } from './oracle.js'

/** Bytes of MessagePack that claim more than follows, or nest, or mean nothing. */
const MARKERS = ['ddffffffff', 'dfffffffff', 'dbffffffff', 'c6ffffffff', 'c9ffffffff0e', 'c1']
  .concat(['91'.repeat(600), 'dc0001'.repeat(200), '81c0'.repeat(300), 'd40e80', 'c7000d', '80'])
  .map((hex) => Buffer.from(hex, 'hex'))

const NUMBERS = [0, 1, 2, 3, 7, 36, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 48]
  .concat([Number.MAX_SAFE_INTEGER, 2 ** 53, 2 ** 64, -1, -129, 1.5, Number.NaN])
  .concat([Number.POSITIVE_INFINITY])

const TEXTS = [...ROOMS, ...NAMESPACES, ...UIDS, 'connect', 'connection', 'error', 'x'.repeat(300)]
  .concat(['socket.io/*', 'socket.io/c', 'prototype', 'toString', '2["smuggled"]', '51-["x"]'])
  .concat(['\ud800', '\0', '9', '2{}'])

const MAX_RANDOM_BYTES = 200

/**
 * Makes inputs out of real frames, by their bytes and by their structure, and out of nothing. The same
 * ones for the same seed.
 */
export class Mutator {
  readonly #random: Random
  readonly #corpus = makeCorpus()

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  /** The body of a frame, or of none. */
  next(): Buffer {
    const random = this.#random
    const body = random.pick(this.#corpus)
    const kind = random.next()
    if (kind < 0.05) return body
    if (kind < 0.5) return this.#mutateValues(body) ?? body
    if (kind < 0.7) return this.#flip(Buffer.from(body))
    if (kind < 0.8) return body.subarray(0, random.int(0, body.length))
    if (kind < 0.88) return this.#splice(body, random.pick(this.#corpus))
    if (kind < 0.95) return this.#insert(body)
    return this.#bytes(random.int(0, MAX_RANDOM_BYTES))
  }

  #flip(body: Buffer): Buffer {
    const random = this.#random
    for (let times = random.int(1, 4); times > 0; times--) {
      const at = random.int(0, body.length - 1)
      body[at] = random.chance(0.5)
        ? (body[at] as number) ^ (1 << random.int(0, 7))
        : random.int(0, 255)
    }
    return body
  }

  #splice(one: Buffer, other: Buffer): Buffer {
    const random = this.#random
    return Buffer.concat([
      one.subarray(0, random.int(0, one.length)),
      other.subarray(random.int(0, other.length)),
    ])
  }

  #insert(body: Buffer): Buffer {
    const random = this.#random
    const at = random.int(0, body.length)
    const overwritten = random.chance(0.5) ? random.int(0, 8) : 0
    const marker = random.pick(MARKERS)
    return Buffer.concat([body.subarray(0, at), marker, body.subarray(at + overwritten)])
  }

  #bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.#random.int(0, 255)))
  }

  /** Returns `undefined` for what has been mutated to no frame already. */
  #mutateValues(body: Buffer): Buffer | undefined {
    const random = this.#random
    const values = (slices(body) ?? []).map(decode)
    if (values.length === 0 || values.includes(UNDECODABLE)) return undefined
    if (random.chance(0.2)) values.push(...values.slice(1))
    for (let times = random.int(1, 3); times > 0; times--) {
      const index = random.int(random.chance(0.2) ? 0 : 1, values.length - 1)
      values[index] = this.#mutate(values[index])
    }
    try {
      return Buffer.concat(values.map((value) => msgpack.encode(value)))
    } catch {
      return undefined // a map, say, whose constructor is an Error
    }
  }

  /** A value with something in it changed, however deep. */
  #mutate(value: unknown): unknown {
    const random = this.#random
    if (Array.isArray(value) && random.chance(0.85)) {
      const index = random.int(0, value.length)
      const kind = random.next()
      if (kind < 0.08) value.splice(index, 1)
      else if (kind < 0.16) value.splice(index, 0, this.#strange())
      else if (kind < 0.2) value.push(...value.slice(0, 20))
      else if (index < value.length) value[index] = this.#mutate(value[index])
      return value
    }
    const isMap = typeof value === 'object' && value?.constructor === Object
    if (isMap && random.chance(0.85)) {
      const map = value as Record<string, unknown>
      const keys = Object.keys(map)
      const key = keys.length > 0 ? random.pick(keys) : random.pick(TEXTS)
      const kind = random.next()
      if (kind < 0.1) delete map[key]
      else if (kind < 0.2) setOwn(map, random.pick(TEXTS), this.#strange())
      else setOwn(map, key, this.#mutate(Object.hasOwn(map, key) ? map[key] : undefined))
      return map
    }
    // a frame within a frame
    if (Buffer.isBuffer(value) && value.length > 20 && random.chance(0.7)) {
      return this.#mutateValues(value) ?? value
    }
    return this.#strange()
  }

  #strange(): unknown {
    const random = this.#random
    switch (random.int(0, 7)) {
      case 0:
        return random.pick(NUMBERS)
      case 1:
      case 2:
        return random.pick(TEXTS)
      case 3:
        return this.#bytes(random.int(0, 20))
      case 4:
        return random.pick([null, true, false, undefined])
      case 5:
        return Array.from({ length: random.int(0, 20) }, () => random.pick(TEXTS))
      case 6:
        return random.pick([new Date(1), /x/, new Float64Array(2), new Map()])
      default:
        return setOwn({ constructor: { prototype: {} } }, random.pick(TEXTS), random.pick(NUMBERS))
    }
  }
}

/** Sets a key of a map, `__proto__` like any other. */
function setOwn(map: Record<string, unknown>, key: string, value: unknown) {
  const shape = { value, enumerable: true, configurable: true, writable: true }
  return Object.defineProperty(map, key, shape)
}
