/**
 * What this project's adapter would be without sequences: the same codec, the same batches, the same
 * way into the sockets, but no numbers, no journal, no inbox and no repair. It exists to be compared
 * with.
 */
import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Namespace, Server } from 'socket.io'
import { Adapter, type BroadcastOptions } from 'socket.io-adapter'
import {
  Broadcast,
  type EncodedPart,
  type Envelope,
  Envelopes,
  type IncomingMessage,
  MsgpackReader,
  MsgpackWriter,
  readHeader,
  readMessages,
  Topics,
  UID_LENGTH,
  writeBroadcast,
  writeHeader,
} from 'socket.io-zeromq-emitter/bus'
import { Subscriber, XPublisher } from 'zeromq'
import { send } from './send.js'

/** As in the bus: a frame ends when it has grown to this, or with the turn of the event loop. */
const FLUSH_BYTES = 64 * 1024
/** As in the bus: for so long after a frame, the next one gathers over several turns. */
const GATHER_MS = 0.5
/** As in the bus: how long received frames may keep the event loop from everything else. */
const MAX_TURN_MS = 4
const HIGH_WATER_MARK = 10_000

const topics = new Topics('bare')

interface Packet {
  nsp?: string
  type: number
  data?: unknown[]
}

type Endpoints = readonly { pub: string; sub: string }[]

/** Two sockets, one frame in the making, and the nodes whose subscriptions are seen. */
class BareBus {
  readonly uid = randomBytes(UID_LENGTH / 2).toString('hex')
  readonly members = new Set<string>()
  readonly #pub = new XPublisher({
    immediate: true,
    noDrop: true,
    linger: 0,
    sendHighWaterMark: HIGH_WATER_MARK,
  })
  readonly #sub = new Subscriber({ linger: 0, receiveHighWaterMark: HIGH_WATER_MARK })
  readonly #writer = new MsgpackWriter()
  #frames: Buffer[] = []
  #isSending = false
  #isScheduled = false
  #said = 0
  #saidLastTurn = 0
  #flushedAt = Number.NEGATIVE_INFINITY

  constructor(endpoints: Endpoints, onMessage: (message: IncomingMessage) => void) {
    this.#sub.subscribe(topics.everyone, topics.node(this.uid))
    for (const { pub, sub } of endpoints) {
      this.#pub.connect(pub)
      this.#sub.connect(sub)
    }
    this.#receiveNotices()
    this.#receive(onMessage)
  }

  say(write: (writer: MsgpackWriter) => void): void {
    if (this.#writer.length === 0) writeHeader(this.#writer, this.uid, 0)
    write(this.#writer)
    this.#said++
    if (this.#writer.length >= FLUSH_BYTES) {
      this.#cut()
      this.#send()
    } else if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(this.#endTurn)
    }
  }

  #endTurn = (): void => {
    const mayGather = performance.now() - this.#flushedAt < GATHER_MS
    if (mayGather && this.#said !== this.#saidLastTurn) {
      this.#saidLastTurn = this.#said
      setImmediate(this.#endTurn)
      return
    }
    this.#isScheduled = false
    this.#flushedAt = performance.now()
    if (this.#writer.length > 0) this.#cut()
    this.#send()
  }

  #cut(): void {
    this.#frames.push(this.#writer.copy())
    this.#writer.truncate(0)
  }

  async #send(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    for (let frame = this.#frames.shift(); frame; frame = this.#frames.shift()) {
      await send(this.#pub, [topics.everyone, frame])
    }
    this.#isSending = false
  }

  async #receiveNotices(): Promise<void> {
    for await (const [notice] of this.#pub) {
      const topic = topics.parse(notice?.toString('latin1', 1) ?? '')
      if (topic.kind !== 'node') continue
      if (notice?.[0] === 1) this.members.add(topic.uid)
      else this.members.delete(topic.uid)
    }
  }

  async #receive(onMessage: (message: IncomingMessage) => void): Promise<void> {
    let turnBegan = performance.now()
    for (;;) {
      const [, body] = await this.#sub.receive()
      const reader = new MsgpackReader(body as Buffer)
      const { uid } = readHeader(reader)
      if (uid !== this.uid) {
        const messages = readMessages(reader, uid)
        for (let i = 0; i < messages.length; i++) onMessage(messages.at(i))
      }
      if (performance.now() - turnBegan <= MAX_TURN_MS) continue
      await nextTurn()
      turnBegan = performance.now()
    }
  }
}

/** What is used of the server, of a socket, and of who gets a message. */
interface LocalSocket {
  notifyOutgoingListeners(packet: Packet): void
  client: { writeToEngine(parts: readonly EncodedPart[], options: object): void }
}
interface Encoder {
  encoder: { encode(packet: Packet): EncodedPart[] }
}
interface Recipients {
  readonly rooms: ReadonlySet<string>
}

class BareAdapter extends Adapter {
  readonly #server: Encoder
  readonly #bus: BareBus
  readonly #envelopes = new Envelopes()
  /** The last envelope for which nobody was here. */
  #unmatched: Envelope | undefined

  constructor(nsp: Namespace, endpoints: Endpoints) {
    super(nsp)
    this.#server = nsp.server as unknown as Encoder
    this.#bus = new BareBus(endpoints, (message) => this.#onMessage(message))
  }

  override serverCount(): Promise<number> {
    return Promise.resolve(this.#bus.members.size)
  }

  override broadcast(packet: Packet, opts: BroadcastOptions): void {
    packet.nsp = this.nsp.name
    const parts = this.#server.encoder.encode(packet)
    const to = { nsp: this.nsp.name, rooms: opts.rooms, except: opts.except }
    this.#bus.say((writer) => writeBroadcast(writer, to, parts))
    if (this.#hasMatch(opts.rooms)) this.#deliver(packet, parts, opts)
  }

  #onMessage(message: IncomingMessage): void {
    const envelope = this.#envelopes.read(message)
    if (envelope === this.#unmatched) return
    if (!this.#hasMatch(envelope.rooms)) {
      this.#unmatched = envelope
      return
    }
    const broadcast = new Broadcast(message, envelope)
    this.#deliver({ type: 2, nsp: broadcast.nsp }, broadcast.parts(), broadcast)
  }

  #deliver(packet: Packet, parts: readonly EncodedPart[], { rooms }: Recipients): void {
    const [first] = parts
    const options = {
      preEncoded: true,
      ...(parts.length === 1 &&
        typeof first === 'string' && { wsPreEncodedFrame: webSocketFrame(first) }),
    }
    // the benchmark's messages go to one room each
    const [room] = rooms
    const { sockets } = this.nsp as { sockets: ReadonlyMap<string, LocalSocket> }
    for (const id of this.rooms.get(room as string) ?? []) {
      const socket = sockets.get(id)
      socket?.notifyOutgoingListeners(packet)
      socket?.client.writeToEngine(parts, options)
    }
  }

  #hasMatch(rooms: ReadonlySet<string>): boolean {
    if (rooms.size === 0) return this.sids.size > 0
    for (const room of rooms) if (this.rooms.has(room)) return true
    return false
  }
}

/** The frame of a short text (RFC 6455, section 5.2), which the real adapter makes as well. */
function webSocketFrame(packet: string): Buffer[] {
  const payload = Buffer.byteLength(packet) + 1
  if (payload > 125) return []
  const frame = Buffer.allocUnsafe(2 + payload)
  frame[0] = 0x81
  frame[1] = payload
  frame[2] = 0x34
  frame.write(packet, 3)
  return [frame]
}

/** Gives a server the bare bus. */
export async function attachBareBus(io: Server, endpoints: Endpoints): Promise<void> {
  // a function and no arrow, since Socket.IO calls it with new
  function create(nsp: Namespace): BareAdapter {
    return new BareAdapter(nsp, endpoints)
  }
  io.adapter(create as unknown as Parameters<Server['adapter']>[0])
}
