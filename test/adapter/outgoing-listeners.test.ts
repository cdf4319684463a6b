import type { Socket } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NodeProcess, TestCluster } from '../support/cluster.js'
import { allowManyAttachments } from '../support/frames.js'
import { collect } from '../support/until.js'
import { modes, startThree } from './modes.js'

describe.each(modes)('listeners for what goes out, with $name', (mode) => {
  let cluster: TestCluster
  let a: NodeProcess
  let b: NodeProcess
  beforeAll(async () => {
    ;({ cluster, a, b } = await startThree(mode.node))
  })
  afterEach(() => cluster.disconnectClients())
  afterAll(() => cluster.stop())

  const listen = (node: NodeProcess, client: Socket) =>
    node.run(({ io, kept }, id) => {
      const seen: unknown[] = []
      kept.seen = seen
      io.sockets.sockets.get(id)!.onAnyOutgoing((...args) => {
        if (!String(args[0]).startsWith('mark')) seen.push(args)
      })
    }, client.id!)
  const seenBy = (node: NodeProcess) => node.run(({ kept }) => kept.seen as unknown[][])

  test('see the event of another node, decoded, as often as it is sent', async () => {
    const client = await cluster.connect(b, mode.client)
    await listen(b, client)
    await a.run(({ io }) => {
      io.emit('news', 1, 'two', { three: [3, null] })
      io.to('nobody').emit('news', 'not for it')
      io.emit('more')
    })
    await cluster.heard(a, client)
    expect(await seenBy(b)).toEqual([['news', 1, 'two', { three: [3, null] }], ['more']])
  })

  test('see the binaries of an event of another node, however many they are', async () => {
    const client = await cluster.connect(b, mode.client)
    allowManyAttachments(client)
    const got = collect(client, 'news')
    await listen(b, client)
    const counts = [1, 10, 11, 60]
    await a.run(({ io }, counts) => {
      for (const count of counts) {
        io.emit('news', { nested: Array.from({ length: count }, (_, i) => Buffer.from([i, 255])) })
      }
    }, counts)
    await cluster.heard(a, client)
    expect(got).toHaveLength(counts.length)
    const seen = await seenBy(b)
    for (const [i, count] of counts.entries()) {
      const [event, { nested }] = seen[i] as [string, { nested: Uint8Array[] }]
      expect(event).toBe('news')
      expect(nested.map((bytes) => Buffer.from(bytes))).toEqual(
        Array.from({ length: count }, (_, i) => Buffer.from([i, 255])),
      )
    }
  })

  test('see what a socket of the own node gets, and a broadcast that wants acknowledgements', async () => {
    const client = await cluster.connect(b, mode.client)
    client.on('question', (_number, acknowledge) => acknowledge('yes'))
    await listen(b, client)
    const ask = (node: NodeProcess, number: number) =>
      node.run(({ io }, number) => io.timeout(60_000).emitWithAck('question', number), number)
    expect(await ask(a, 1)).toEqual(['yes'])
    expect(await ask(b, 2)).toEqual(['yes'])
    await b.run(({ io }) => io.emit('news'))
    expect(await seenBy(b)).toEqual([['question', 1], ['question', 2], ['news']])
  })
})
