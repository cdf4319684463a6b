import type { IncomingMessage } from './frame.js'
import { MalformedFrameError, type MsgpackWriter } from './msgpack.js'
import { readValue } from './value-reader.js'
import { writeValue } from './value-writer.js'

/**
 * Every cluster message but the broadcast: `[type, nsp, data]`, with `data` as
 * `socket.io-adapter` defines it for the type.
 */

/** The types of Socket.IO's cluster messages; the numbers are those of `socket.io-adapter`. */
export const MessageType = {
  BROADCAST: 3,
  SOCKETS_JOIN: 4,
  SOCKETS_LEAVE: 5,
  DISCONNECT_SOCKETS: 6,
  FETCH_SOCKETS: 7,
  FETCH_SOCKETS_RESPONSE: 8,
  SERVER_SIDE_EMIT: 9,
  SERVER_SIDE_EMIT_RESPONSE: 10,
  BROADCAST_CLIENT_COUNT: 11,
  BROADCAST_ACK: 12,
} as const

/** A cluster message, read. Nothing is known of its data but that it is a value. */
export interface ClusterMessage {
  sender: string
  type: number
  nsp: string
  data: unknown
}

/**
 * @throws RangeError if the data nests too deep or holds too much; whatever msgpack-lite throws on a value that it
 *   cannot write, such as a BigInt
 */
export function writeClusterMessage(
  writer: MsgpackWriter,
  type: number,
  nsp: string,
  data: unknown,
): void {
  writer.arrayHeader(3)
  writer.uint(type)
  writer.string(nsp)
  writeValue(writer, data)
}

/** @throws MalformedFrameError */
export function readClusterMessage({
  sender,
  type,
  fields,
  reader,
}: IncomingMessage): ClusterMessage {
  if (fields !== 2) throw new MalformedFrameError(`a message of ${fields} fields, not 2`)
  const nsp = reader.string()
  return { sender, type, nsp, data: readValue(reader.buf.subarray(reader.pos, reader.end)) }
}
