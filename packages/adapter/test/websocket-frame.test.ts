import fc from 'fast-check'
import { Server } from 'socket.io'
import { Adapter } from 'socket.io-adapter'
import { describe, expect, test } from 'vitest'
import { websocketFrame } from '../src/websocket-frame.js'

const main = new Server().of('/')

/** What Socket.IO's own adapter makes, with the `Sender.frame()` of the library `ws`. */
function frameOfWs(packet: string): Buffer {
  const adapter = new Adapter(main) as unknown as {
    encoder: { encode(): string[] }
    _encode(packet: object, options: { wsPreEncodedFrame?: Buffer[] }): string[]
  }
  adapter.encoder = { encode: () => [packet] }
  const options: { wsPreEncodedFrame?: Buffer[] } = {}
  adapter._encode({}, options)
  return Buffer.concat(options.wsPreEncodedFrame!)
}

function expectFrameOfWs(packet: string): void {
  const hex = (bytes: Buffer) => bytes.toString('hex')
  const expected = hex(frameOfWs(packet))
  expect(hex(Buffer.concat(websocketFrame(packet)))).toBe(expected)
  const isAscii = Buffer.byteLength(packet) === packet.length
  if (isAscii) expect(hex(Buffer.concat(websocketFrame(packet, true)))).toBe(expected)
}

describe('a WebSocket frame is the one that ws makes', () => {
  // the payload is one byte longer, Engine.IO's "message" type
  const lengths = [0, 1, 123, 124, 125, 126, 127, 65_533, 65_534, 65_535, 65_536, 200_000]
  test.each(lengths)('of a packet of %d bytes', (length) => {
    const packet = 'x'.repeat(length)
    expectFrameOfWs(packet)
  })

  test.each([41, 42, 21_844, 21_845])('of a packet of %d characters of three bytes', (length) => {
    const packet = '€'.repeat(length)
    expectFrameOfWs(packet)
  })

  test('of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (packet) => {
        expectFrameOfWs(packet)
      }),
    )
  })

  test('of lone surrogates', () => {
    for (const packet of ['\ud800', 'a\udc00b', '\udbff'.repeat(100)]) {
      expectFrameOfWs(packet)
    }
  })
})
