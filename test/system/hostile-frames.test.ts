import { createHash } from 'node:crypto'
import { MsgpackReader, readHeader } from 'socket.io-zeromq-emitter/bus'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packed, type RawSender } from '../support/raw.js'
import { broadcast, CONTROL, EVERYONE, type Refused, range, Siege } from '../support/siege.js'
import { until } from '../support/until.js'

/** What must never reach a client. */
const SMUGGLED = broadcast('smuggled')

let siege: Siege
beforeAll(async () => {
  siege = await Siege.start()
})
afterAll(() => siege.stop())

describe.each(['Publisher', 'XPublisher'] as const)('a raw %s', (kind) => {
  let attacker: RawSender
  beforeAll(async () => {
    attacker = await siege.attacker(kind)
  })

  /** Sends bodies of frames to everyone, and expects that the nodes refuse them as they should. */
  function refuseAll(bodies: Buffer[], counter: keyof Refused = 'framesMalformed'): Promise<void> {
    return siege.survive(attacker, { [counter]: bodies.length }, async () => {
      for (const body of bodies) await attacker.send(EVERYONE, body)
    })
  }

  describe('sends random bytes', () => {
    /** The same noise in every run: its bytes do not happen to be a frame. */
    const noise = range(0, 399).map((length) =>
      createHash('shake256', { outputLength: 400 })
        .update(`noise ${length}`)
        .digest()
        .subarray(0, length),
    )
    // what begins with an array may be the header of another version
    const isArray = (first: number) => (first >= 0x90 && first <= 0x9f) || (first | 1) === 0xdd
    const ofNoVersion = noise.filter(([first = 0]) => !isArray(first))

    test('to everyone, and they are counted', async () => {
      const sum = ({ framesMalformed, framesUnknownVersion }: Refused) =>
        framesMalformed + framesUnknownVersion
      const before = await siege.refused()
      for (const bytes of noise) await attacker.send(EVERYONE, bytes)
      await siege.expectOnlyGood(attacker)
      const after = await siege.refused()
      for (const [i, counters] of after.entries()) {
        expect(sum(counters) - sum(before[i]!)).toBe(noise.length)
      }
    })

    test('to one node, and only that one is bothered', async () => {
      const expected = { framesMalformed: ofNoVersion.length }
      await siege.survive(attacker, [expected, {}], async () => {
        for (const bytes of ofNoVersion) await attacker.send(siege.nodeTopics[0]!, bytes)
      })
    })

    test('to an emitter, and only that one is bothered', async () => {
      const count = () => siege.emitter.run(({ emitter }) => emitter.stats().framesMalformed)
      const before = await count()
      await siege.survive(attacker, {}, async () => {
        for (const bytes of ofNoVersion) await attacker.send(siege.emitterTopic, bytes)
      })
      await until(async () => (await count()) >= before + ofNoVersion.length)
      expect(await count()).toBe(before + ofNoVersion.length)
      expect(siege.emitter.stderr).toBe('')
    })

    test('to those who listen to digests: nodes and emitters', async () => {
      const count = () => siege.emitter.run(({ emitter }) => emitter.stats().framesMalformed)
      const before = await count()
      await siege.survive(attacker, { framesMalformed: ofNoVersion.length }, async () => {
        for (const bytes of ofNoVersion) await attacker.send(CONTROL, bytes)
      })
      await until(async () => (await count()) >= before + ofNoVersion.length)
      expect(await count()).toBe(before + ofNoVersion.length)
    })

    test('on topics that nobody subscribes to', async () => {
      const topics = ['socket.io', 'socket.io/x', 'other/*', '', '\0socket.io/*', '\x01socket.io/*']
      await siege.survive(attacker, {}, async () => {
        for (const topic of topics) {
          for (const bytes of noise) await attacker.send(topic, bytes)
        }
      })
    })

    test('on topics that only begin like those of the nodes', async () => {
      const topics = [`${EVERYONE}*`, `${EVERYONE}/socket.io/*`, `${siege.nodeTopics[1]}0`]
      await siege.survive(attacker, [{ framesMalformed: 4 }, { framesMalformed: 6 }], async () => {
        for (const topic of topics) {
          await attacker.say(topic, SMUGGLED)
          await attacker.send(topic, noise[20]!)
        }
      })
    })
  })

  test('sends frames in one part, in three parts, in empty parts', async () => {
    const frame = attacker.frame(0, SMUGGLED)
    await siege.survive(attacker, { framesMalformed: 7 }, async () => {
      await attacker.send(EVERYONE)
      await attacker.send(EVERYONE, '')
      await attacker.send(EVERYONE, frame, '')
      await attacker.send(EVERYONE, frame, 'a third part')
      await attacker.send(EVERYONE, frame, frame, frame)
      await attacker.send(EVERYONE, '', frame)
      await attacker.send(EVERYONE, '', '', '')
    })
  })

  test('sends frames of unknown versions', async () => {
    const headers: unknown[] = [
      [0, attacker.uid, 1],
      [2, attacker.uid, 1],
      [127, attacker.uid, 1],
      [65_536, attacker.uid, 1],
      [2 ** 40, attacker.uid, 1],
      [2],
      [2, 'whatever', ['version', 2], 'may say'],
      [],
    ]
    await refuseAll(
      headers.map((header) => packed(header, SMUGGLED)),
      'framesUnknownVersion',
    )
  })

  test('sends frames whose header is none', async () => {
    const { uid } = attacker
    const headers: unknown[] = [
      ...[null, 1, 'header', {}, Buffer.from('c1', 'hex')],
      ...['1', -1, 1.5, null, [1]].map((version) => [version, uid, 1]),
      ...[[1], [1, uid], [1, uid, 1, 1]],
      ...[16, null, '', uid.slice(1), `${uid}0`, [uid]].map((other) => [1, other, 1]),
      packed([1, Buffer.from(uid), 1]),
      ...[-1, 1.5, '1', null, [], Number.NaN, Number.POSITIVE_INFINITY].map((seq) => [1, uid, seq]),
      // more than 2^53: as an integer of 64 bits, as a double
      Buffer.concat([
        packed([1, uid, 0]).subarray(0, -1),
        Buffer.from('cf0020000000000000', 'hex'),
      ]),
      Buffer.concat([
        packed([1, uid, 0]).subarray(0, -1),
        Buffer.from('cb4340000000000000', 'hex'),
      ]),
    ]
    await refuseAll(headers.map((header) => packed(header, SMUGGLED)))
  })

  test('cuts real frames short, at every byte', async () => {
    // what is cut where a message ends is a whole frame
    const cuts = (await realFrames()).flatMap((body) => {
      const ends = endsOfValues(body)
      const lengths = range(0, body.length - 1).filter((length) => !ends.has(length))
      return lengths.map((length) => body.subarray(0, length))
    })
    expect(cuts.length).toBeGreaterThan(300)
    await refuseAll(cuts)
  })

  test('appends garbage to real frames', async () => {
    const garbage = ['c1', '00', 'c0', 'a161', '80', '90', 'dd', '91ff', '93c1', '9303']
    const frames = await realFrames()
    expect(frames.length).toBeGreaterThanOrEqual(4)
    await refuseAll(
      frames.flatMap((body) => garbage.map((hex) => packed(body, Buffer.from(hex, 'hex')))),
    )
  })

  test('claims lengths that a frame cannot hold', async () => {
    const claims = [
      'ddffffffff03', // an array of four billion
      '9303ddffffffff', // the same in a message
      '9304a12fdfffffffff', // a map
      '9303dbffffffff61', // a string of four gigabytes
      '9303c6ffffffff61', // a binary
      '9303c9ffffffff0161', // an extension
      '930482a12fa12f', // a map that ends in its middle
      '9303c1c1', // the byte that MessagePack never uses
    ]
    await refuseAll(claims.map((hex) => attacker.frame(0, SMUGGLED, Buffer.from(hex, 'hex'))))
  })

  test('nests values a hundred thousand deep', async () => {
    const levels = ['91', '81c0', 'dc0001', 'dd00000001', 'de0001c0', 'df00000001c0']
    const nests = levels.map((level) => Buffer.from(`9303a12f${level.repeat(100_000)}c0`, 'hex'))
    await refuseAll(nests.map((nest) => attacker.frame(0, SMUGGLED, nest)))
  })

  test('puts a million messages into a frame', async () => {
    const million = Buffer.alloc(2_000_000, Buffer.from('9128', 'hex'))
    await refuseAll([attacker.frame(0, SMUGGLED, million)])
  })

  test('puts values that are no messages into a frame', async () => {
    const values = [null, 0, 'message', {}, [], ['3'], [null], [-3], [3.5], [[3]], [{}], true]
    // nothing of such a frame is delivered, be it before or behind
    await refuseAll(values.map((value) => attacker.frame(0, SMUGGLED, value, SMUGGLED)))
  })

  /** Frames with messages of nodes, several in one, and with binaries; in the attacker's name. */
  async function realFrames(): Promise<Buffer[]> {
    const tap = await siege.tap()
    try {
      await siege.nodes[0]!.run(async ({ io }) => {
        const turn = () => new Promise(setImmediate)
        io.to(['nobody', 'no one'])
          .except('none')
          .emit('text', 'grüße', { n: [1, 2, 3] })
        await turn()
        io.to('nobody')
          .volatile.compress(false)
          .emit('bytes', Buffer.from('x'), [Buffer.from('y')])
        await turn()
        io.to('nobody').emit('one')
        io.to('nobody').emit('two')
        io.in('nobody').socketsJoin('room')
        await turn()
        await io.in('nobody').fetchSockets()
        io.serverSideEmit('the last of them')
      })
      await tap.heard('the last of them')
    } finally {
      tap.close()
    }
    return tap.bodies.map((body) => {
      const reader = new MsgpackReader(body)
      readHeader(reader)
      return packed(attacker.frame(0), body.subarray(reader.pos))
    })
  }
})

test('a sender with more names than a node remembers is survived', {
  timeout: 120_000,
}, async () => {
  const attacker = await siege.attacker('XPublisher')
  await siege.survive(attacker, {}, async () => {
    for (const i of range(1, 17_000)) {
      // some begin with a hole, so that their frames are held back
      const seq = i % 20 === 0 ? 2 : 1
      await attacker.send(EVERYONE, packed([1, String(i).padStart(16), seq], [40, '/', {}]))
      // no more at once than the broker queues
      if (i % 4000 === 0) await siege.expectOnlyGood(attacker)
    }
  })
})

/** Where the values of a frame end. */
function endsOfValues(body: Buffer): Set<number> {
  const ends = new Set<number>()
  for (const reader = new MsgpackReader(body); !reader.done; ends.add(reader.pos)) reader.skip()
  return ends
}
