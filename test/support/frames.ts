import type { Socket } from 'socket.io-client'

/** A WebSocket message as it came over a client's connection. */
export interface Frame {
  binary: boolean
  hex: string
}

/** Engine.IO's "ping", which comes when it pleases. */
const PING = Buffer.from('2')

/** Collects the WebSocket messages that come to a connected client, as they are on the wire. */
export function collectFrames(client: Socket): Frame[] {
  const frames: Frame[] = []
  const { transport } = client.io.engine as unknown as {
    transport: {
      ws: { on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void }
    }
  }
  transport.ws.on('message', (data, binary) => {
    if (binary || !data.equals(PING)) frames.push({ binary, hex: data.toString('hex') })
  })
  return frames
}

/** Lets a client take packets with more attachments than the ten that its decoder is content with. */
export function allowManyAttachments(client: Socket): void {
  const { decoder } = client.io as unknown as { decoder: { opts?: { maxAttachments: number } } }
  if (decoder.opts !== undefined) decoder.opts.maxAttachments = Number.POSITIVE_INFINITY
}
