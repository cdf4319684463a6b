import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
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
  })

  it('are read as they were made', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[!-.0-~]{1,20}$/), hex(), (key, uid) => {
        const topics = new Topics(key)
        expect(topics.parse(topics.everyone)).toEqual({ kind: 'everyone' })
        expect(topics.parse(topics.node(uid))).toEqual({ kind: 'node', uid })
        expect(topics.parse(topics.emitter(uid))).toEqual({ kind: 'emitter', uid })
        expect(topics.parse(topics.control)).toEqual({ kind: 'other' })
      }),
    )
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
  ])('do not take %j for one of theirs', (topic) => {
    expect(new Topics('socket.io').parse(topic)).toEqual({ kind: 'other' })
  })
})
