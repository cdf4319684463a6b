import { readFrame } from '../../../emitter/test/fuzz/oracle.js'
import { decodePacket, encodePacket } from '../../../emitter/test/fuzz/packets.js'
import { CLIENTS, type Client, keyOfParts, keyOfValue } from './clients.js'

type Fields = Record<string, unknown>

/**
 * All that a frame may do to the clients and namespaces of the fuzzed node, by an independent reading
 * of it. What it may do, it need not: it may be a duplicate, or malformed in what nobody reads here.
 * @param topics - those of which frames may be repaired
 */
export function expectedOf(body: Buffer, ownUid: string, topics: readonly string[]): string[] {
  const said = readFrame(body)
  if (said === undefined || said.uid === ownUid) return []
  return said.messages.flatMap((message) => {
    const [type, topic, repaired] = message
    if (type !== 36) return ofMessage(message)
    if (said.seq !== 0 || !Buffer.isBuffer(repaired) || !topics.includes(topic as string)) return []
    const again = readFrame(repaired)
    if (again?.uid !== said.uid || again.seq === 0) return []
    return again.messages.flatMap(ofMessage)
  })
}

function ofMessage([type, nsp, ...fields]: unknown[]): string[] {
  if (type === 3) return ofBroadcast(nsp, fields)
  const [data] = fields
  if (fields.length !== 1 || !isMap(data)) return []
  const { packet, rooms, close } = data
  if (type === 9) {
    const isKnown = CLIENTS.some((client) => client.nsp === nsp)
    return isKnown ? [`said ${nsp} ${keyOfValue(packet)}`] : []
  }
  if (!isMap(data.opts)) return []
  return matching(nsp, data.opts.rooms, data.opts.except ?? []).flatMap(({ id }) => {
    switch (type) {
      case 4:
        return [`join ${id} ${keyOfValue(rooms)}`]
      case 5:
        return Array.isArray(rooms) ? rooms.map((room) => `leave ${id} ${keyOfValue(room)}`) : []
      case 6:
        return [`disconnect ${id} ${close === true}`]
      default:
        return []
    }
  })
}

function ofBroadcast(nsp: unknown, fields: unknown[]): string[] {
  const [rooms, except, flags, encoding, payload, requestId] = fields
  if (!Array.isArray(payload)) return []
  const { volatile, compress } = isMap(flags) ? flags : {}
  const areFlags = [volatile, compress].every((flag) =>
    [undefined, true, false].includes(flag as never),
  )
  if (!areFlags) return []
  const told = `${volatile} ${compress}`
  return matching(nsp, rooms, except).flatMap(({ id }) => {
    try {
      if (requestId !== undefined) {
        const data = encoding === 1 ? decodePacket(payload) : asSent(payload)
        return [`ask ${id} ${told} ${keyOfValue(data)}`]
      }
      return [
        `emit ${id} ${told} ${keyOfParts(encoding === 1 ? payload : encodePacket(nsp as string, payload))}`,
      ]
    } catch {
      return [] // parts that make no packet
    }
  })
}

/** Data after a client's parser has read it, without dates and the like. */
function asSent(data: unknown[]): unknown {
  return decodePacket(encodePacket('/', data))
}

function matching(nsp: unknown, rooms: unknown, except: unknown): Client[] {
  if (!Array.isArray(rooms) || !Array.isArray(except)) return []
  return CLIENTS.filter((client) => {
    if (client.nsp !== nsp || except.some((room) => client.rooms.has(room))) return false
    return rooms.length === 0 || rooms.some((room) => client.rooms.has(room))
  })
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
