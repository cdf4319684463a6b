import type { Namespace } from 'socket.io'
import type { BusEvents } from 'socket.io-zeromq-emitter/bus'
import type { ZmqAdapter } from './adapter.js'
import { Cluster, type ZmqAdapterStats } from './cluster.js'
import { resolveOptions, type ZmqAdapterOptions } from './options.js'

/** What {@link zmqAdapter} returns: give it to Socket.IO as its `adapter`. */
export interface ZmqAdapterFactory {
  (nsp: Namespace): ZmqAdapter

  /**
   * Resolves when the way to a broker and back is open, and this server is a member of the cluster.
   * There is no need to wait: what is emitted before is sent then.
   * @throws ClosedError if the server is closed before
   */
  ready(): Promise<void>

  /** Counters since the start, and the state of the moment. */
  stats(): ZmqAdapterStats

  /** Listens to the state of the link, to servers that join and leave, and to errors. */
  on<Event extends keyof BusEvents>(
    event: Event,
    listener: (...args: BusEvents[Event]) => void,
  ): ZmqAdapterFactory

  /** Listens to the next such event only. */
  once<Event extends keyof BusEvents>(
    event: Event,
    listener: (...args: BusEvents[Event]) => void,
  ): ZmqAdapterFactory

  /** Stops listening. */
  off<Event extends keyof BusEvents>(
    event: Event,
    listener: (...args: BusEvents[Event]) => void,
  ): ZmqAdapterFactory

  /**
   * Sends what was emitted and leaves the cluster. `io.close()` does it too.
   * @throws FlushTimeoutError after `closeTimeoutMs`
   */
  close(): Promise<void>
}

/**
 * Makes the adapter for one Socket.IO server.
 *
 * @example
 * const zmq = zmqAdapter({ host: '127.0.0.1', pubPort: 5555, subPort: 5556 })
 * const io = new Server({ adapter: zmq })
 * await zmq.ready()
 *
 * @throws OptionError
 */
export function zmqAdapter(options: ZmqAdapterOptions = {}): ZmqAdapterFactory {
  const cluster = new Cluster(resolveOptions(options))
  // a function and no arrow, since Socket.IO calls it with new
  function factory(nsp: Namespace): ZmqAdapter {
    return cluster.add(nsp)
  }
  const zmq: ZmqAdapterFactory = Object.assign(factory, {
    ready: () => cluster.ready(),
    stats: () => cluster.stats(),
    close: () => cluster.close(),
    on: listen('on'),
    once: listen('once'),
    off: listen('off'),
  })
  function listen(method: 'on' | 'once' | 'off'): ZmqAdapterFactory['on'] {
    return (event, listener) => {
      cluster[method](event, listener as never)
      return zmq
    }
  }
  return zmq
}
