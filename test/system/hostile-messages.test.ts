import { afterAll, beforeAll, expect, test } from 'vitest'
import { packed, type RawSender } from '../support/raw.js'
import { EVERYONE, range, Siege } from '../support/siege.js'
import { STRANGE, strangeBut } from '../support/strange.js'
import { until } from '../support/until.js'

/** Parts of a packet that must never reach a client. */
const PARTS = ['2["smuggled"]']

let siege: Siege
let attacker: RawSender
beforeAll(async () => {
  siege = await Siege.start()
  attacker = await siege.attacker('XPublisher')
})
afterAll(() => siege.stop())

/** Says each message in a frame of its own, and expects that all are refused, or none. */
function say(messages: unknown[], refused: 'all are refused' | 'none is refused'): Promise<void> {
  const messagesMalformed = refused === 'all are refused' ? messages.length : 0
  return siege.survive(attacker, { messagesMalformed }, async () => {
    for (const message of messages) await attacker.say(EVERYONE, message)
  })
}

test('messages of every type with too few fields, too many, and strange ones are refused', async () => {
  const types = [...range(1, 15), ...range(31, 40), 127, 128, 70_000]
  const fields = [
    [],
    ['/'],
    ['/', {}, {}],
    ['/', {}, {}, {}],
    ['/', [], [], {}, 1],
    ['/', [], [], {}, 1, PARTS, 'request', 'more'],
    ...strangeBut('text').map((nsp) => [nsp, {}]),
  ]
  await say(
    types.flatMap((type) => fields.map((values) => [type, ...values])),
    'all are refused',
  )
})

test('messages of known types with strange data are refused', async () => {
  await say(
    range(3, 12).flatMap((type) => STRANGE.map((data) => [type, '/', data])),
    'all are refused',
  )
})

test('messages of unknown types are passed over, whatever their data', async () => {
  const types = [1, 2, 13, 14, 15, ...range(31, 40), 127, 128, 70_000]
  await say(
    types.flatMap((type) => STRANGE.map((data) => [type, '/', data])),
    'none is refused',
  )
})

test('broadcasts with a field that is not what it should be are refused', async () => {
  const unsafe = 2 ** 64
  const fields = [
    ...strangeBut('text').map((nsp) => [nsp, [], [], {}, 1, PARTS]),
    // an empty array is as it should be
    ...[...strangeBut('array'), [[]], [{}]].flatMap((rooms) => [
      ['/', rooms, [], {}, 1, PARTS],
      ['/', [], rooms, {}, 1, PARTS],
    ]),
    ...strangeBut('map').map((flags) => ['/', [], [], flags, 1, PARTS]),
    ...[null, 0, 'true', [], {}].flatMap((value) => [
      ['/', [], [], { volatile: value }, 1, PARTS],
      ['/', [], [], { compress: value }, 1, PARTS],
    ]),
    ...[...strangeBut('number'), -1, 1.5, unsafe].map((timeout) => [
      '/',
      [],
      [],
      { timeout },
      1,
      PARTS,
    ]),
    ...[...strangeBut('number'), -1, 1.5, 2, 3, 255, unsafe].map((encoding) => [
      '/',
      [],
      [],
      {},
      encoding,
      PARTS,
    ]),
    ...STRANGE.map((payload) => ['/', [], [], {}, 1, payload]),
    ...strangeBut('text', 'binary').map((part) => ['/', [], [], {}, 1, [...PARTS, part]]),
    ...STRANGE.map((payload) => ['/', [], [], {}, 0, payload]),
    ...strangeBut('text').map((name) => ['/', [], [], {}, 0, [name, 'smuggled']]),
    ...strangeBut('text').map((requestId) => ['/', [], [], {}, 1, PARTS, requestId]),
  ]
  await say(
    fields.map((values) => [3, ...values]),
    'all are refused',
  )
})

test('events that Socket.IO keeps for itself are refused: its clients would hang up', async () => {
  const names = [
    'connect',
    'connect_error',
    'disconnect',
    'disconnecting',
    'newListener',
    'removeListener',
  ]
  await say(
    names.map((name) => [3, '/', [], [], {}, 0, [name, 1]]),
    'all are refused',
  )
})

test('events that Socket.IO keeps for its servers are refused, and reach no listener', async () => {
  for (const node of siege.nodes) {
    await node.run(({ io, kept }) => {
      const heard: string[] = []
      kept.heard = heard
      for (const event of ['connect', 'connection', 'new_namespace']) {
        io.on(event as 'connection', () => heard.push(event))
      }
    })
  }
  await say(
    ['connect', 'connection', 'new_namespace'].flatMap((event) => [
      [9, '/', { packet: [event, {}] }],
      [9, '/', { packet: [event], requestId: 'id' }],
    ]),
    'all are refused',
  )
  for (const node of siege.nodes) {
    expect(await node.run(({ kept }) => kept.heard)).toEqual([])
    expect(await node.run(({ zmq }) => zmq.stats().refused.reservedEvent)).toBeGreaterThan(0)
  }
})

test('messages that would take too much memory are refused', async () => {
  const rooms = new Array(262_145).fill('room')
  const parts = new Array(65_537).fill('')
  const empties = compose('dd00100001', Buffer.alloc(2 ** 20 + 1, 0x80))
  await say(
    [
      [3, '/', rooms, [], {}, 1, PARTS],
      [3, '/', [], rooms, {}, 1, PARTS],
      [3, '/', [], [], {}, 1, parts],
      compose('93', 9, '/', compose('81', 'packet', empties)),
      compose('97', 3, '/', [], [], {}, 0, empties),
      [7, '/', { opts: { rooms: [] }, requestId: 'x'.repeat(257) }],
      [3, '/', [], [], {}, 1, PARTS, 'x'.repeat(257)],
    ],
    'all are refused',
  )
})

test('requests and answers with a field that is not what it should be are refused', async () => {
  const opts = { rooms: ['room'], except: [], flags: {} }
  const requestId = 'unknown'
  // an empty array is a list of rooms, and a number is a room's name to careless users
  const noRooms = [...strangeBut('array'), [[]], [{}], [null], ['room', {}]]
  const messages: [type: number, data: unknown][] = [
    ...noRooms.flatMap((rooms): [number, unknown][] => [
      [4, { opts: { ...opts, rooms }, rooms: ['room'] }],
      [4, { opts, rooms }],
      [5, { opts: { ...opts, rooms }, rooms: ['room'] }],
      [5, { opts, rooms }],
      [6, { opts: { ...opts, rooms }, close: true }],
      [7, { opts: { ...opts, rooms }, requestId }],
    ]),
    // no list of exceptions is an empty one
    ...noRooms
      .filter((except) => except !== null)
      .map((except): [number, unknown] => [6, { opts: { ...opts, except }, close: true }]),
    // any object will do for flags
    ...strangeBut('map', 'binary')
      .filter((flags) => flags !== null)
      .map((flags): [number, unknown] => [6, { opts: { ...opts, flags }, close: true }]),
    ...STRANGE.map((other): [number, unknown] => [6, { opts: other, close: true }]),
    ...strangeBut('text').flatMap((id): [number, unknown][] => [
      [7, { opts, requestId: id }],
      [8, { requestId: id, sockets: [] }],
      [10, { requestId: id, packet: 1 }],
      [11, { requestId: id, clientCount: 1 }],
      [12, { requestId: id, packet: [] }],
    ]),
    ...[...strangeBut('array'), [[]], [null], ['id'], [{}], [{ id: 1 }]].map(
      (sockets): [number, unknown] => [8, { requestId, sockets }],
    ),
    ...[...STRANGE, [1], [null]].map((packet): [number, unknown] => [9, { packet }]),
    ...strangeBut('text')
      .filter((id) => id !== null)
      .map((id): [number, unknown] => [9, { packet: ['hello'], requestId: id }]),
    ...[...strangeBut('number'), -1, 1.5, 2 ** 60].map((clientCount): [number, unknown] => [
      11,
      { requestId, clientCount },
    ]),
  ]
  await say(
    messages.map(([type, data]) => [type, '/', data]),
    'all are refused',
  )
})

test('MessagePack extensions that cannot be decoded are refused', async () => {
  const extensions = [
    'c70318010203', // a typed array of an odd length
    'c7040a92a128a0', // a regular expression that is none
    'c7000d', // a date without a value
    'c7060dddffffffff01', // a date that is an array of four billion
    'c7060ddbffffffff01', // a date that is a string of four gigabytes
    `c9000186a00d${'91'.repeat(100_000)}`, // a date that is arrays, a hundred thousand deep
  ].map((hex) => Buffer.from(hex, 'hex'))
  await say(
    extensions.flatMap((extension) => [
      compose('93', 9, '/', extension),
      compose('97', 3, '/', [], [], {}, 0, compose('92', 'smuggled', extension)),
    ]),
    'all are refused',
  )
})

test('keys that would change prototypes change none', async () => {
  const evil = compose('81', '__proto__', { polluted: true, rooms: [], requestId: 'id' })
  const prototypes = { prototype: { polluted: true } }
  const evilOpts = compose('82', 'rooms', ['nobody'], 'flags', evil)
  await say(
    [
      compose('93', 9, '/', compose('81', 'packet', compose('92', 'event', evil))),
      [9, '/', { packet: ['event', { constructor: prototypes }] }],
      compose('97', 3, '/', ['nobody'], [], evil, 0, compose('92', 'smuggled', evil)),
      compose('93', 4, '/', compose('82', 'opts', evilOpts, 'rooms', ['other'])),
      compose('93', 8, '/', compose('82', 'requestId', '__proto__', 'sockets', [])),
      [10, '/', { requestId: 'constructor', packet: { constructor: prototypes } }],
      [3, '__proto__', [], [], {}, 1, PARTS],
      [3, 'constructor', [], [], {}, 1, PARTS],
    ],
    'none is refused',
  )
  for (const node of siege.nodes) expect(await node.run(() => 'polluted' in {})).toBe(false)
})

test('messages for namespaces that no server has reach nobody', async () => {
  const opts = { rooms: [], except: [], flags: {} }
  const requestId = 'request'
  const namespaces = ['', '/nope', 'room', '/*', '/'.repeat(10_000), '\0', '🦜']
  await say(
    namespaces.flatMap((nsp) => [
      [3, nsp, [], [], {}, 1, PARTS],
      [3, nsp, [], [], {}, 1, PARTS, requestId],
      [3, nsp, [], [], {}, 0, ['smuggled']],
      [4, nsp, { opts, rooms: ['other'] }],
      [5, nsp, { opts, rooms: ['room'] }],
      [6, nsp, { opts, close: true }],
      [7, nsp, { opts, requestId }],
      [9, nsp, { packet: ['hello'], requestId }],
    ]),
    'none is refused',
  )
})

test('requests of strangers do not fill the journal with answers', async () => {
  const [a] = siege.nodes
  const before = await a!.run(({ zmq }) => zmq.stats().refused.stranger)
  const request = [7, '/', { opts: { rooms: [], except: [], flags: {} }, requestId: 'request' }]
  await siege.survive(attacker, {}, async () => {
    for (const _ of range(1, 100)) {
      await attacker.sayUnnumbered(siege.nodeTopics[0]!, ...range(1, 100).map(() => request))
    }
  })
  const after = await a!.run(({ zmq }) => zmq.stats().refused.stranger)
  expect(after - before).toBeGreaterThan(0)
})

test('answers to requests that nobody made are passed over', async () => {
  const [a] = siege.nodes
  const answers: [type: number, data: object][] = [
    [8, { sockets: [{ id: 'forged', handshake: {}, rooms: [], data: {} }] }],
    [10, { packet: 'forged' }],
    [10, { absent: true }],
    [11, { clientCount: 1_000_000 }],
    [12, { packet: ['forged'] }],
  ]
  await siege.survive(attacker, {}, async () => {
    for (const topic of [EVERYONE, ...siege.nodeTopics]) {
      for (const requestId of ['', 'unknown', '0'.repeat(16), 'x'.repeat(100_000)]) {
        for (const [type, data] of answers) {
          await attacker.say(topic, [type, '/', { ...data, requestId }])
        }
      }
    }
  })
  expect(await a!.run(async ({ io }) => (await io.fetchSockets()).length)).toBe(2)
  expect(await a!.run(({ io }) => io.of('/').adapter.serverCount())).toBe(2)
})

test('an answer in the place of a server that was asked is passed over', async () => {
  const [a, b] = siege.nodes
  await b!.run(({ io, kept }) => {
    io.on('question', (answer: (value: string) => void) => {
      kept.answer = () => answer('honest')
    })
  })
  const tap = await siege.tap()
  await a!.run(({ io, kept }) => {
    kept.answers = io.serverSideEmitWithAck('question')
  })
  const question = await tap.heard('question')
  tap.close()
  await until(() => b!.run(({ kept }) => kept.answer !== undefined))
  // everyone can read what goes over the broker
  const requestId = /requestId.([0-9a-f]{16})/.exec(question.toString('latin1'))![1]
  await siege.survive(attacker, {}, async () => {
    for (const topic of [EVERYONE, siege.nodeTopics[0]!]) {
      await attacker.say(topic, [10, '/', { requestId, packet: 'forged' }])
      await attacker.say(topic, [8, '/', { requestId, sockets: [] }])
    }
  })
  await b!.run(({ kept }) => (kept.answer as () => void)())
  expect(await a!.run(({ kept }) => kept.answers)).toEqual(['honest'])
})

test('parts that make no packet are refused where a listener looks at what goes out', async () => {
  for (const node of siege.nodes) {
    await node.run(({ io, kept }) => {
      const seen: unknown[] = []
      kept.seen = seen
      for (const socket of io.sockets.sockets.values()) {
        socket.onAnyOutgoing((...args) => seen.push(args))
      }
    })
  }
  const attachment = Buffer.from('x')
  const payloads = [
    [''],
    ['smuggled'],
    ['9["smuggled"]'],
    ['2'],
    ['2{}'],
    ['2["smuggled"'],
    ['2[null]'],
    ['2["disconnect"]'],
    ['1'],
    ['4{"message":"smuggled"}'],
    ['51-["smuggled",{"_placeholder":true,"num":0}]'],
    ['51-["smuggled",{"_placeholder":true,"num":7}]', attachment],
    ['51-["smuggled"]', 'text where an attachment should be'],
    ['5999999999-["smuggled"]', attachment],
    ['2["smuggled"]', attachment],
    [attachment],
    [Buffer.alloc(0)],
  ]
  await say(
    payloads.map((parts) => [3, '/', ['room'], [], {}, 1, parts]),
    'all are refused',
  )
  for (const node of siege.nodes) {
    const seen = await node.run(({ io, kept }) => {
      for (const socket of io.sockets.sockets.values()) socket.offAnyOutgoing()
      return kept.seen as unknown[][]
    })
    // those of the attacker's messages that are good, and those of the nodes
    expect(seen.map(([, n]) => n)).toEqual([0, 1, 2, 3])
  }
})

test('what a listener throws at a message stops nothing', async () => {
  const [a] = siege.nodes
  await a!.run(({ io, zmq, kept }) => {
    kept.errors = [] as string[]
    const keep = (error: Error) => (kept.errors as string[]).push(error.message)
    kept.keep = keep
    zmq.on('error', keep)
    io.on('throw', () => {
      throw new Error('thrown by a listener')
    })
  })
  await say([[9, '/', { packet: ['throw'] }]], 'none is refused')
  const errors = await a!.run(({ zmq, kept }) => {
    zmq.off('error', kept.keep as (error: Error) => void)
    return kept.errors
  })
  expect(errors).toEqual(['thrown by a listener'])
})

/** MessagePack composed by hand: a header in hex, and values, of which Buffers stand as they are. */
function compose(header: string, ...values: unknown[]): Buffer {
  return packed(Buffer.from(header, 'hex'), ...values)
}
