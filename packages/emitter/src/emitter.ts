import createDebug from 'debug'
import { Encoder, type Packet } from 'socket.io-parser'
import { Bus, type BusEvents } from './bus/bus.js'
import { OptionError } from './bus/errors.js'
import {
  BUS_OPTION_NAMES,
  type BusOptions,
  rejectUnknownOptions,
  resolveBusOptions,
} from './bus/options.js'
import type { BusStats } from './bus/stats.js'
import { NamespaceEmitter } from './namespace-emitter.js'
import type { Channel } from './operator.js'
import type { DefaultEventsMap, EventsMap } from './typed-events.js'
import type { EncodedPart } from './wire/broadcast.js'

const debug = createDebug('socket.io-zeromq:emitter')

/** A Socket.IO parser, as given to the servers' own `parser` option. */
export interface Parser {
  // a parser may make one part or an array of them
  Encoder: new () => { encode(packet: Packet): unknown }
}

/** The options of an emitter. */
export interface EmitterOptions extends BusOptions {
  /**
   * The parser that the Socket.IO servers use, if it is not the default one.
   * @default the parser of `socket.io-parser`
   */
  parser?: Parser
}

/**
 * Emits to the clients of a cluster of Socket.IO servers from a process that is not one.
 *
 * @example
 * const emitter = new Emitter({ host: '127.0.0.1', pubPort: 5555, subPort: 5556 })
 * emitter.to('room').emit('hello', { at: new Date() })
 * await emitter.close() // everything emitted has reached the broker
 */
export class Emitter<Events extends EventsMap = DefaultEventsMap> extends NamespaceEmitter<Events> {
  readonly #bus: Bus
  readonly #channel: Channel

  /**
   * Connects in the background; what is emitted before the way to a broker is open waits.
   * @throws OptionError
   */
  constructor(options: EmitterOptions = {}) {
    const channel = openChannel(options)
    super(channel, '/')
    this.#channel = channel
    this.#bus = channel.bus
  }

  /**
   * Emits to the clients of another namespace, over the same connection.
   * @param nsp - the namespace's name, with or without the leading `/`
   */
  of<NamespaceEvents extends EventsMap = Events>(nsp: string): NamespaceEmitter<NamespaceEvents> {
    return new NamespaceEmitter(this.#channel, nsp.startsWith('/') ? nsp : `/${nsp}`)
  }

  /**
   * Resolves when the way to a broker and back is open. There is no need to wait for it.
   * @throws ClosedError if the emitter is closed before
   */
  ready(): Promise<void> {
    return this.#bus.ready()
  }

  /**
   * Resolves when all that was emitted has reached a broker.
   * @throws FlushTimeoutError after `closeTimeoutMs`, ClosedError
   */
  flush(): Promise<void> {
    return this.#bus.flush()
  }

  /**
   * Flushes and disconnects. The emitter is closed afterwards even if it throws.
   * @throws FlushTimeoutError
   */
  close(): Promise<void> {
    return this.#bus.close()
  }

  /** Counters since the start, and the state of the moment. */
  stats(): BusStats {
    return this.#bus.stats()
  }

  /** Listens to the state of the link, to servers that join and leave, and to errors. */
  on<Event extends keyof BusEvents>(
    event: Event,
    listener: (...args: BusEvents[Event]) => void,
  ): this {
    this.#bus.on(event, listener as never)
    return this
  }

  /** Listens to the next such event only. */
  once<Event extends keyof BusEvents>(
    event: Event,
    listener: (...args: BusEvents[Event]) => void,
  ): this {
    this.#bus.once(event, listener as never)
    return this
  }

  /** Stops listening. */
  off<Event extends keyof BusEvents>(
    event: Event,
    listener: (...args: BusEvents[Event]) => void,
  ): this {
    this.#bus.off(event, listener as never)
    return this
  }
}

function openChannel(options: EmitterOptions): Channel {
  const { parser, ...busOptions } = options
  rejectUnknownOptions(options, [...BUS_OPTION_NAMES, 'parser'])
  if (parser !== undefined && typeof parser?.Encoder !== 'function') {
    throw new OptionError(
      'option parser must be a Socket.IO parser, an object with an Encoder and a Decoder, ' +
        'such as the module socket.io-msgpack-parser',
    )
  }
  const encoder = parser === undefined ? new Encoder() : new parser.Encoder()
  const bus = new Bus('emitter', resolveBusOptions(busOptions), ({ type, sender }) => {
    debug('nothing is done with a message of type %d from %s', type, sender)
  })
  return {
    bus,
    encode(packet) {
      const encoded = encoder.encode(packet) as EncodedPart | EncodedPart[]
      return Array.isArray(encoded) ? encoded : [encoded]
    },
  }
}
