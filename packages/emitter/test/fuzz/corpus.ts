import { writeBroadcast } from '../../src/wire/broadcast.js'
import { MessageType, writeClusterMessage } from '../../src/wire/cluster.js'
import { type Control, ControlType, writeControl } from '../../src/wire/control.js'
import { writeHeader } from '../../src/wire/frame.js'
import { MsgpackWriter } from '../../src/wire/msgpack.js'
import { encodeAll } from '../support/values.js'
import { encodePacket } from './packets.js'

/** The rooms in which the clients of a fuzzed node are, and others. */
export const ROOMS = ['room', 'other', 'nobody', '', '__proto__', 'constructor']
/** The namespaces of a fuzzed node, and others. */
export const NAMESPACES = ['/', '/admin', '/absent', '__proto__']
/** Senders in whose names fuzzed frames come. */
export const UIDS = ['0123456789abcdef', 'fedcba9876543210', 'aaaaaaaaaaaaaaaa']

const TOPIC = 'socket.io/*'

type Write = (writer: MsgpackWriter) => void

function broadcast(nsp: string, rooms: string[], data: unknown[], more: object = {}): Write {
  const {
    except = [],
    requestId,
    flags,
  } = more as {
    except?: string[]
    requestId?: string
    flags?: { volatile?: boolean; compress?: boolean; timeout?: number }
  }
  const to = { nsp, rooms: new Set(rooms), except: new Set(except), flags }
  return (writer) => writeBroadcast(writer, to, encodePacket(nsp, data), requestId)
}

const cluster =
  (type: number, data: unknown, nsp = '/'): Write =>
  (writer) =>
    writeClusterMessage(writer, type, nsp, data)

const control =
  (message: Control): Write =>
  (writer) =>
    writeControl(writer, message)

const plain =
  (...fields: unknown[]): Write =>
  (writer) =>
    writer.raw(encodeAll(fields))

/** Without the places in this machine's files that errors tell. */
const refusal = Object.assign(new RangeError('no'), { stack: 'RangeError: no' })
const opts = { rooms: ['room'], except: ['other'], flags: { volatile: true } }
const requestId = 'a1b2c3d4e5f60718'

/** What real senders say, a frame of each kind. */
const FRAMES: Write[][] = [
  [broadcast('/', [], ['hello', { text: 'grüße', list: [1, null, true] }])],
  [broadcast('/', ['room'], ['hello'], { flags: { volatile: true, timeout: 1_000 } })],
  [broadcast('/admin', ['room', 'other'], ['hello', 'x'.repeat(300)], { except: ['nobody'] })],
  [broadcast('/', ['other'], ['bytes', Buffer.from('abc'), { more: Buffer.alloc(20) }])],
  [broadcast('/', ['room'], ['question', 7], { requestId, flags: { compress: false } })],
  [broadcast('/', ['nobody'], ['question'], { requestId })],
  [plain(3, '/', [], [], {}, 0, ['plain', { at: new Date(0), bytes: Buffer.from('x') }])],
  [plain(3, '/', ['room'], [], { volatile: true }, 0, ['plain', 1.5, -7, 2 ** 40])],
  [plain(3, '/', ['room'], [], {}, 0, ['plain'], requestId)],
  [cluster(MessageType.SOCKETS_JOIN, { opts, rooms: ['new'] })],
  [cluster(MessageType.SOCKETS_LEAVE, { opts: { rooms: [] }, rooms: ['room'] })],
  [cluster(MessageType.DISCONNECT_SOCKETS, { opts, close: true })],
  [cluster(MessageType.FETCH_SOCKETS, { opts: { rooms: [], except: [] }, requestId })],
  [cluster(MessageType.FETCH_SOCKETS_RESPONSE, { requestId, sockets: [{ id: 'x', rooms: [] }] })],
  [cluster(MessageType.SERVER_SIDE_EMIT, { packet: ['said', { deep: [[[]]] }, new Date(7)] })],
  [cluster(MessageType.SERVER_SIDE_EMIT, { packet: ['asked', Buffer.from('y')], requestId })],
  [cluster(MessageType.SERVER_SIDE_EMIT_RESPONSE, { requestId, packet: refusal })],
  [cluster(MessageType.BROADCAST_CLIENT_COUNT, { requestId, clientCount: 2 })],
  [cluster(MessageType.BROADCAST_ACK, { requestId, packet: ['ok'] })],
  [cluster(MessageType.BROADCAST_ACK, { requestId, error: 'why' })],
  [
    broadcast('/', ['room'], ['one']),
    broadcast('/', ['room'], ['two']),
    cluster(MessageType.SERVER_SIDE_EMIT, { packet: ['three'] }),
    broadcast('/absent', [], ['four']),
  ],
]

const CONTROLS: Write[][] = [
  [control({ type: ControlType.MARK, token: 1 })],
  [control({ type: ControlType.PROBE, number: 1 })],
  [control({ type: ControlType.NAK, topic: TOPIC, from: 1, to: 5 })],
  [control({ type: ControlType.GONE, topic: TOPIC, from: 1, to: 5 })],
  [control({ type: ControlType.DIGEST, topic: TOPIC, last: 5, ageMs: 1_000 })],
  [control({ type: ControlType.DIGEST, topic: TOPIC, last: 2 ** 31, ageMs: 2 ** 40 })],
  [control({ type: ControlType.ASK })],
  [control({ type: ControlType.UNSENT, topic: TOPIC, last: 1 })],
]

function frameOf(uid: string, seq: number, writes: readonly Write[]): Buffer {
  const writer = new MsgpackWriter()
  writeHeader(writer, uid, seq)
  for (const write of writes) write(writer)
  return writer.copy()
}

/** The bodies of real frames: numbered and not, control messages, repairs of others. */
export function makeCorpus(): Buffer[] {
  const [uid, other] = UIDS as [string, string]
  const said = FRAMES.flatMap((writes, i) => [
    frameOf(uid, 0, writes),
    frameOf(other, i + 1, writes),
  ])
  const repairs = said.map((body) =>
    frameOf(other, 0, [control({ type: ControlType.REPAIR, topic: TOPIC, body })]),
  )
  return [...said, ...repairs, ...CONTROLS.map((writes) => frameOf(uid, 0, writes))]
}
