import { MalformedFrameError, MessageType } from 'socket.io-zeromq-emitter/bus'
import type { Answer } from './requests.js'

/**
 * The data of the cluster messages, as `socket.io-adapter` defines it, checked: it comes from the
 * network.
 */

/** Whom a message addresses, as it stands in a message. */
interface WireOptions {
  rooms: string[]
  except: string[]
  flags: Record<string, unknown>
}

type Data = Record<string, unknown>

/**
 * The data of a message that asks something of this server, fit for `ClusterAdapter#onMessage`.
 * @returns `undefined` for a type that is none of them
 * @throws MalformedFrameError
 */
export function readRequest(type: number, data: unknown): Data | undefined {
  switch (type) {
    case MessageType.SOCKETS_JOIN:
    case MessageType.SOCKETS_LEAVE: {
      const { opts, rooms } = fieldsOf(data)
      return { opts: addressing(opts), rooms: strings('rooms', rooms) }
    }
    case MessageType.DISCONNECT_SOCKETS: {
      const { opts, close } = fieldsOf(data)
      return { opts: addressing(opts), close: close === true }
    }
    case MessageType.FETCH_SOCKETS: {
      const { opts, requestId } = fieldsOf(data)
      return { opts: addressing(opts), requestId: string('requestId', requestId) }
    }
    case MessageType.SERVER_SIDE_EMIT: {
      const { packet, requestId } = fieldsOf(data)
      if (!Array.isArray(packet)) throw malformed('packet', 'an array')
      string('packet[0]', packet[0])
      // without a request's id, and not with an undefined one, nobody waits for an answer
      return requestId === undefined || requestId === null
        ? { packet }
        : { packet, requestId: string('requestId', requestId) }
    }
    default:
      return undefined
  }
}

/**
 * A message that answers a request of this server.
 * @returns `undefined` for a type that is none
 * @throws MalformedFrameError
 */
export function readAnswer(
  type: number,
  data: unknown,
): { requestId: string; answer: Answer } | undefined {
  const answer = answerOf(type, data)
  return answer && { requestId: string('requestId', fieldsOf(data).requestId), answer }
}

function answerOf(type: number, data: unknown): Answer | undefined {
  switch (type) {
    case MessageType.FETCH_SOCKETS_RESPONSE: {
      const { sockets } = fieldsOf(data)
      if (!Array.isArray(sockets)) throw malformed('sockets', 'an array')
      for (const socket of sockets) string('sockets[].id', fieldsOf(socket).id)
      return { kind: 'values', values: sockets }
    }
    case MessageType.SERVER_SIDE_EMIT_RESPONSE: {
      const { packet, absent } = fieldsOf(data)
      return { kind: 'values', values: absent === true ? [] : [packet] }
    }
    case MessageType.BROADCAST_CLIENT_COUNT: {
      const { clientCount } = fieldsOf(data)
      if (!Number.isSafeInteger(clientCount) || (clientCount as number) < 0) {
        throw malformed('clientCount', 'a count')
      }
      return { kind: 'clientCount', clientCount: clientCount as number }
    }
    case MessageType.BROADCAST_ACK:
      return { kind: 'acknowledgement', value: fieldsOf(data).packet }
    default:
      return undefined
  }
}

/**
 * What a server answers at once to a request for a namespace that it does not have.
 * @returns `undefined` if nobody waits for an answer
 */
export function answerForAbsentNamespace(
  type: number,
  { requestId }: Data,
): { type: number; data: Data } | undefined {
  if (requestId === undefined) return undefined
  switch (type) {
    case MessageType.FETCH_SOCKETS:
      return { type: MessageType.FETCH_SOCKETS_RESPONSE, data: { requestId, sockets: [] } }
    case MessageType.SERVER_SIDE_EMIT:
      return { type: MessageType.SERVER_SIDE_EMIT_RESPONSE, data: { requestId, absent: true } }
    case MessageType.BROADCAST:
      return { type: MessageType.BROADCAST_CLIENT_COUNT, data: { requestId, clientCount: 0 } }
    default:
      return undefined
  }
}

function addressing(opts: unknown): WireOptions {
  const { rooms, except, flags } = fieldsOf(opts)
  return {
    rooms: strings('opts.rooms', rooms),
    except: strings('opts.except', except ?? []),
    flags: flags === undefined || flags === null ? {} : fieldsOf(flags),
  }
}

function fieldsOf(value: unknown): Data {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Data
  throw malformed('data', 'a map')
}

function string(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw malformed(name, 'a string')
}

/** Room names; a number, which careless users join, is let through as it is on its own server. */
function strings(name: string, value: unknown): string[] {
  const fits = (room: unknown) => typeof room === 'string' || typeof room === 'number'
  if (Array.isArray(value) && value.every(fits)) return value as string[]
  throw malformed(name, 'an array of strings')
}

function malformed(name: string, what: string): MalformedFrameError {
  return new MalformedFrameError(`${name} is not ${what}`)
}
