import { describe, expect, it } from 'vitest'
import { isEmitterTopic } from '../src/relay.js'

const UID = '0123456789abcdef'

describe('an emitter may subscribe', () => {
  it.each([`socket.io/e/${UID}`, 'socket.io/c', `*/e/${UID}`, `${'k'.repeat(200)}/c`])(
    'to what it needs: %s',
    (topic) => expect(isEmitterTopic(topic)).toBe(true),
  )

  it.each([
    '',
    'socket.io',
    'socket.io/',
    'socket.io/*',
    'socket.io/b/0a1',
    'socket.io/b/',
    'socket.io/n/',
    `socket.io/n/${UID}`,
    'socket.io/e/',
    `socket.io/e/${UID.slice(1)}`,
    `socket.io/e/${UID}0`,
    `socket.io/e/${UID.slice(2)}/*`,
    'socket.io/c/',
    'socket.io/cc',
    '/c',
    'a/b/c',
    `a/b/e/${UID}`,
    `${'k'.repeat(201)}/c`,
    `socket.io/n/x\n/c`,
    'socket.io/c\n',
  ])('to nothing else: %j', (topic) => expect(isEmitterTopic(topic)).toBe(false))
})
