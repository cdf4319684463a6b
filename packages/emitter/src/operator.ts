import { type Packet, PacketType } from 'socket.io-parser'
import type { Bus } from './bus/bus.js'
import type { DefaultEventsMap, EventNames, EventParams, EventsMap } from './typed-events.js'
import { type EncodedPart, RESERVED_EVENTS, writeBroadcast } from './wire/broadcast.js'
import { bucketOf, bucketsOfRooms } from './wire/buckets.js'
import { MessageType, writeClusterMessage } from './wire/cluster.js'
import type { WireFlags } from './wire/envelope.js'

/** Where an operator's messages go. */
export interface Channel {
  bus: Bus
  encode(packet: Packet): EncodedPart[]
}

const NOBODY: ReadonlySet<string> = new Set()

/**
 * Says to whom and how something is emitted. Each method returns a new operator and leaves the one
 * that it was called on as it is.
 */
export class BroadcastOperator<Events extends EventsMap = DefaultEventsMap> {
  readonly #channel: Channel
  readonly #nsp: string
  readonly #rooms: ReadonlySet<string>
  readonly #except: ReadonlySet<string>
  readonly #flags: WireFlags

  /** @internal */
  constructor(
    channel: Channel,
    nsp: string,
    rooms: ReadonlySet<string> = NOBODY,
    except: ReadonlySet<string> = NOBODY,
    flags: WireFlags = {},
  ) {
    this.#channel = channel
    this.#nsp = nsp
    this.#rooms = rooms
    this.#except = except
    this.#flags = flags
  }

  /** Addresses the clients in a room, or in any of several; more calls add more rooms. */
  to(room: string | string[]): BroadcastOperator<Events> {
    return this.#with(union(this.#rooms, room), this.#except, this.#flags)
  }

  /** The same as {@link to}. */
  in(room: string | string[]): BroadcastOperator<Events> {
    return this.to(room)
  }

  /** Leaves out the clients in a room, or in any of several. */
  except(room: string | string[]): BroadcastOperator<Events> {
    return this.#with(this.#rooms, union(this.#except, room), this.#flags)
  }

  /** Lets a client miss the event whose connection is not ready to take it. */
  get volatile(): BroadcastOperator<Events> {
    return this.#with(this.#rooms, this.#except, { ...this.#flags, volatile: true })
  }

  /** Sets whether the event is compressed on its way to the clients. */
  compress(compress: boolean): BroadcastOperator<Events> {
    return this.#with(this.#rooms, this.#except, { ...this.#flags, compress: Boolean(compress) })
  }

  /**
   * Emits to the clients addressed.
   * @throws Error on a reserved event name or an acknowledgement callback, MessageTooLargeError,
   *   UnsendablePartError, ClosedError
   */
  emit<Name extends EventNames<Events>>(event: Name, ...args: EventParams<Events, Name>): true {
    if (RESERVED_EVENTS.has(event)) throw new Error(`"${event}" is a reserved event name`)
    rejectCallback(args)
    const parts = this.#channel.encode({
      // in the order of Socket.IO's own packets: some parsers write the fields as they stand
      type: PacketType.EVENT,
      data: [event, ...args],
      nsp: this.#nsp,
    })
    const { bus } = this.#channel
    const to = { nsp: this.#nsp, rooms: this.#rooms, except: this.#except, flags: this.#flags }
    const bucket = bus.mayDirect ? bucketOf(to.nsp, to.rooms) : undefined
    bus.say(bus.topics.everyone, (writer) => writeBroadcast(writer, to, parts), bucket)
    return true
  }

  /** Makes the clients addressed join a room, or several. */
  socketsJoin(room: string | string[]): void {
    const rooms = [room].flat()
    this.#channel.bus.holdBuckets(() => bucketsOfRooms(this.#nsp, rooms))
    this.say(MessageType.SOCKETS_JOIN, { opts: this.#opts(), rooms })
  }

  /** Makes the clients addressed leave a room, or several. */
  socketsLeave(room: string | string[]): void {
    this.say(MessageType.SOCKETS_LEAVE, { opts: this.#opts(), rooms: [room].flat() })
  }

  /**
   * Disconnects the clients addressed.
   * @param close - whether to close the connection below too
   */
  disconnectSockets(close = false): void {
    this.say(MessageType.DISCONNECT_SOCKETS, { opts: this.#opts(), close: Boolean(close) })
  }

  /** @internal */
  protected say(type: number, data: unknown): void {
    const { bus } = this.#channel
    bus.say(bus.topics.everyone, (writer) => writeClusterMessage(writer, type, this.#nsp, data))
  }

  #opts() {
    return { rooms: [...this.#rooms], except: [...this.#except], flags: this.#flags }
  }

  #with(rooms: ReadonlySet<string>, except: ReadonlySet<string>, flags: WireFlags) {
    return new BroadcastOperator<Events>(this.#channel, this.#nsp, rooms, except, flags)
  }
}

function union(rooms: ReadonlySet<string>, room: string | string[]): ReadonlySet<string> {
  return new Set([...rooms, ...[room].flat()])
}

/** @throws Error if the last argument is an acknowledgement callback */
export function rejectCallback(args: readonly unknown[]): void {
  if (typeof args.at(-1) !== 'function') return
  throw new Error('acknowledgements are not supported by the emitter: emit without a callback')
}
