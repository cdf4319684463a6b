import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BUCKETS } from '../src/wire/buckets.js'
import { Topics } from '../src/wire/topics.js'
import { UID } from './support/values.js'

const hex = () => fc.stringMatching(/^[0-9a-f]{16}$/)

describe('the topics', () => {
  it('are those of the protocol', () => {
    const topics = new Topics('socket.io')
    expect(topics.everyone).toBe('socket.io/*')
    expect(topics.control).toBe('socket.io/c')
    expect(topics.node(UID)).toBe(`socket.io/n/${UID}`)
    expect(topics.emitter(UID)).toBe(`socket.io/e/${UID}`)
    expect(topics.buckets).toBe('socket.io/b/')
    expect(topics.bucket(0)).toBe('socket.io/b/000')
    expect(topics.bucket(161)).toBe('socket.io/b/051')
    expect(topics.bucket(BUCKETS - 1)).toBe('socket.io/b/fvv')
    expect(topics.receipt(UID, 3)).toBe(`socket.io/r/${UID}/3`)
  })

  it('are read as they were made', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[!-.0-~]{1,20}$/), hex(), (key, uid) => {
        const topics = new Topics(key)
        expect(topics.parse(topics.everyone)).toEqual({ kind: 'everyone' })
        expect(topics.parse(topics.node(uid))).toEqual({ kind: 'node', uid })
        expect(topics.parse(topics.emitter(uid))).toEqual({ kind: 'emitter', uid })
        expect(topics.parse(topics.receipt(uid, 17))).toEqual({ kind: 'receipt', uid, number: 17 })
        expect(topics.parse(topics.control)).toEqual({ kind: 'other' })
      }),
    )
  })

  it('of buckets are read from text and from bytes', () => {
    fc.assert(
      fc.property(fc.nat(BUCKETS - 1), (bucket) => {
        const topics = new Topics('socket.io')
        const topic = topics.bucket(bucket)
        expect(topics.readBucket(topic)).toBe(bucket)
        expect(topics.readBucket(Buffer.from(topic))).toBe(bucket)
      }),
    )
  })

  it.each([
    'socket.io/b/',
    'socket.io/b/0A1',
    'socket.io/b/0a',
    'socket.io/b/0a11',
    'socket.io/b/0w1',
    'socket.io/b/g00', // there are no more than 16,384
    'socket.io/b/vvv',
    'socket.io/c/0a1',
  ])('do not take %j for that of a bucket', (topic) => {
    const topics = new Topics('socket.io')
    expect(topics.readBucket(topic)).toBeUndefined()
    expect(topics.readBucket(Buffer.from(topic))).toBeUndefined()
  })

  it('of one cluster mean nothing in another, though one’s key begin with the other’s', () => {
    const key = fc.stringMatching(/^[ab.]{1,4}$/)
    fc.assert(
      fc.property(key, key, hex(), (key, otherKey, uid) => {
        fc.pre(key !== otherKey)
        const [topics, other] = [new Topics(key), new Topics(otherKey)]
        for (const topic of [other.everyone, other.node(uid), other.emitter(uid)]) {
          expect(topics.parse(topic)).toEqual({ kind: 'other' })
        }
      }),
    )
  })

  it.each([
    '',
    'socket.io',
    'socket.io/',
    'socket.io/n/',
    'socket.io/n/short',
    `socket.io/n/${UID}0`,
    `socket.io/x/${UID}`,
    `socket.io/b/0a1`,
    `x/socket.io/n/${UID}`,
    'socket.io/*/',
    `socket.io/r/${UID}`,
    `socket.io/r/${UID}/`,
    `socket.io/r/${UID}/x`,
    'socket.io/r/short/1',
  ])('do not take %j for one of theirs', (topic) => {
    expect(new Topics('socket.io').parse(topic)).toEqual({ kind: 'other' })
  })
})
