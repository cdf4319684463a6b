import { Decoder, Encoder } from 'socket.io-parser'

const EVENT = 2

/** What Socket.IO's parser makes of an event. */
export function encodePacket(nsp: string, data: unknown[]): (string | Buffer)[] {
  return new Encoder().encode({ type: EVENT, data, nsp })
}

/** The data of an event that has been encoded. */
export function decodePacket(parts: readonly unknown[]): unknown {
  const decoder = new Decoder({ maxAttachments: Number.POSITIVE_INFINITY } as never)
  let data: unknown
  decoder.on('decoded', (packet: { data?: unknown }) => {
    data = packet.data
  })
  for (const part of parts) decoder.add(part as string)
  return data
}
