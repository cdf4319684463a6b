import type { Server } from 'socket.io'
import { type EncodedPart, MalformedFrameError } from 'socket.io-zeromq-emitter/bus'

/** The type of an event in Socket.IO's protocol. */
const EVENT = 2

/** A packet as Socket.IO's `emit()` makes it, and as its encoder takes it. */
export interface Packet {
  type: number
  nsp?: string
  data?: unknown[]
  id?: number
}

/** A Socket.IO parser, as the server has it. */
interface Parser {
  Decoder: new (
    options?: object,
  ) => {
    add(part: string | Buffer): void
    on(event: 'decoded', listener: (packet: Packet) => void): unknown
    destroy?(): void
  }
}

/** What Socket.IO's server keeps of the parser that it was given. */
interface ServerInternals {
  // a parser may make one part or an array of them
  encoder: { encode(packet: Packet): EncodedPart | EncodedPart[] }
  _parser: Parser
}

/**
 * What the server's parser makes of a packet, ready for a client's connection.
 * @throws whatever the parser throws on data that it cannot encode
 */
export function encode(server: Server, packet: Packet): EncodedPart[] {
  const encoded = (server as unknown as ServerInternals).encoder.encode(packet)
  return Array.isArray(encoded) ? encoded : [encoded]
}

function parserOf(server: Server): Parser {
  return (server as unknown as ServerInternals)._parser
}

/**
 * An event packet of another server, whose data is decoded only when somebody looks at it. A class,
 * since an object literal with a getter takes half of the time that a received message takes.
 */
export class ReceivedPacket implements Packet {
  readonly type = EVENT
  readonly nsp: string
  readonly #server: Server
  readonly #parts: (string | Buffer)[]
  #data: unknown[] | undefined

  constructor(server: Server, nsp: string, parts: (string | Buffer)[]) {
    this.nsp = nsp
    this.#server = server
    this.#parts = parts
  }

  /** @throws MalformedFrameError if the parts are not a packet of the server's parser */
  get data(): unknown[] {
    this.#data ??= decode(this.#server, this.#parts)
    return this.#data
  }
}

/** An event packet of a sender that has no Socket.IO parser. */
export function plainPacket(nsp: string, data: unknown[]): Packet {
  // in the order of Socket.IO's own packets: some parsers write the fields as they stand
  return { type: EVENT, data, nsp }
}

/**
 * The data of an encoded event packet.
 * @throws MalformedFrameError if the parts are not a packet of the server's parser
 */
function decode(server: Server, parts: (string | Buffer)[]): unknown[] {
  // A packet with more attachments than a server takes from a client may be sent to clients.
  const decoder = new (parserOf(server).Decoder)({ maxAttachments: Number.POSITIVE_INFINITY })
  let data: unknown[] | undefined
  decoder.on('decoded', (packet) => {
    data = packet.data
  })
  try {
    for (const part of parts) decoder.add(part)
    decoder.destroy?.()
  } catch (error) {
    throw new MalformedFrameError(`the parts of a packet cannot be decoded: ${error}`)
  }
  if (!Array.isArray(data)) throw new MalformedFrameError('the parts of a packet make no event')
  return data
}
