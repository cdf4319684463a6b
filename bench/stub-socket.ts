import type { Server } from 'socket.io'

/**
 * Takes the place of a connected client: an adapter hands it the encoded packets that a real
 * `Socket` would write to its connection, and it counts them. So the adapters are measured, and not
 * the WebSockets below them, which are the same for all. It stands in the same two tables as a real
 * socket, `nsp.sockets` and the adapter's rooms, and has what adapters use of one.
 */
export class StubSocket {
  readonly acks = new Map<number, unknown>()
  readonly client: StubClient

  private constructor(
    readonly id: string,
    onPacket?: (packet: string) => void,
  ) {
    this.client = new StubClient(onPacket)
  }

  /** Puts a stub into a room of the server. */
  static join(io: Server, room: string, onPacket?: (packet: string) => void): StubSocket {
    const socket = new StubSocket(`stub in ${room}`, onPacket)
    const { sockets, adapter } = io.of('/')
    sockets.set(socket.id as never, socket as never)
    adapter.addAll(socket.id, new Set([socket.id, room]))
    return socket
  }

  get count(): number {
    return this.client.count
  }

  notifyOutgoingListeners(): void {}
}

class StubClient {
  count = 0

  constructor(readonly onPacket: ((packet: string) => void) | undefined) {}

  writeToEngine(parts: readonly string[]): void {
    this.count++
    this.onPacket?.(parts[0] as string)
  }
}
