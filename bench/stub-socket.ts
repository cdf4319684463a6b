import type { Server } from 'socket.io'
import { acknowledgementId } from './messages.js'

/** Counts what several stub sockets get. */
export interface Tally {
  count: number
}

/**
 * Takes the place of a connected client: an adapter hands it the encoded packets that a real
 * `Socket` would write to its connection, and it counts them. So the adapters are measured, and not
 * the WebSockets below them, which are the same for all. It stands in the same two tables as a real
 * socket, `nsp.sockets` and the adapter's rooms, and has what adapters use of one.
 */
export class StubSocket {
  static #lastId = 0
  /** As long as those of Socket.IO. */
  readonly id = `stub${String(++StubSocket.#lastId).padStart(16, '0')}`
  readonly acks = new Map<number, (...args: unknown[]) => void>()
  /** What `fetchSockets()` tells of a socket. */
  readonly handshake = {
    headers: {},
    time: '',
    address: '127.0.0.1',
    url: '/',
    query: {},
    auth: {},
  }
  readonly data = {}
  readonly rooms: Set<string>
  readonly client: StubClient

  constructor(room: string, tally: Tally, onPacket?: (packet: string) => void) {
    this.rooms = new Set([this.id, room])
    this.client = new StubClient(tally, onPacket)
  }

  /** Enters the server and its room. Resolves when the adapter says that it is there. */
  async join(io: Server): Promise<void> {
    const { sockets, adapter } = io.of('/')
    sockets.set(this.id as never, this as never)
    await adapter.addAll(this.id, this.rooms)
  }

  leave(io: Server): void {
    const { sockets, adapter } = io.of('/')
    adapter.delAll(this.id)
    sockets.delete(this.id as never)
  }

  /** Answers a packet that wants an acknowledgement, as a client would do some time later. */
  acknowledge(packet: string): void {
    const id = acknowledgementId(packet)
    setImmediate(() => {
      const acknowledge = this.acks.get(id)
      this.acks.delete(id)
      acknowledge?.('received')
    })
  }

  notifyOutgoingListeners(): void {}
}

class StubClient {
  constructor(
    private readonly tally: Tally,
    private readonly onPacket: ((packet: string) => void) | undefined,
  ) {}

  writeToEngine(parts: readonly string[]): void {
    this.tally.count++
    this.onPacket?.(parts[0] as string)
  }
}
