import { MalformedFrameError, MessageType } from 'socket.io-zeromq-emitter/bus'
import type { Answer } from './requests.js'

/** Event names that a namespace keeps for itself: Socket.IO lets nobody say them to other servers. */
const RESERVED_EVENTS: ReadonlySet<unknown> = new Set(['connect', 'connection', 'new_namespace'])
/** Answers whose data may be such that they cannot be sent. */
const MAY_FAIL: ReadonlySet<number> = new Set([
  MessageType.FETCH_SOCKETS_RESPONSE,
  MessageType.SERVER_SIDE_EMIT_RESPONSE,
  MessageType.BROADCAST_ACK,
])
/** A request's id comes back in each answer. */
const MAX_REQUEST_ID_CHARS = 256

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
      return { opts: addressing(opts), requestId: requestIdOf(requestId) }
    }
    case MessageType.SERVER_SIDE_EMIT: {
      const { packet, requestId } = fieldsOf(data)
      if (!Array.isArray(packet)) throw malformed('packet', 'an array')
      const event = string('packet[0]', packet[0])
      if (RESERVED_EVENTS.has(event)) {
        throw new MalformedFrameError(`the reserved event name ${event}`, 'reservedEvent')
      }
      // without a request's id, and not with an undefined one, nobody waits for an answer
      return requestId === undefined || requestId === null
        ? { packet }
        : { packet, requestId: requestIdOf(requestId) }
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
  const answer = failureOf(type, data) ?? answerOf(type, data)
  return answer && { requestId: string('requestId', fieldsOf(data).requestId), answer }
}

function failureOf(type: number, data: unknown): Answer | undefined {
  if (!MAY_FAIL.has(type)) return undefined
  const { error } = fieldsOf(data)
  if (error === undefined || error === null) return undefined
  return { kind: 'failure', reason: string('error', error) }
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
    flags: flags === undefined || flags === null ? {} : knownFlags(fieldsOf(flags)),
  }
}

/** What Socket.IO copies into objects of its own. */
function knownFlags({ volatile, compress, timeout }: Data): Data {
  const flags: Data = {}
  if (typeof volatile === 'boolean') flags.volatile = volatile
  if (typeof compress === 'boolean') flags.compress = compress
  if (typeof timeout === 'number') flags.timeout = timeout
  return flags
}

/** @throws MalformedFrameError */
export function requestIdOf(value: unknown): string {
  const requestId = string('requestId', value)
  if (requestId.length <= MAX_REQUEST_ID_CHARS) return requestId
  throw new MalformedFrameError(`a requestId of ${requestId.length} characters`, 'tooLong')
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
