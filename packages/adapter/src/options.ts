import {
  BUS_OPTION_NAMES,
  type BusOptions,
  integerOption,
  OptionError,
  type ResolvedBusOptions,
  rejectUnknownOptions,
  resolveBusOptions,
} from 'socket.io-zeromq-emitter/bus'

/** The options of `zmqAdapter()`. */
export interface ZmqAdapterOptions extends BusOptions {
  /**
   * Milliseconds that other servers are given to answer `fetchSockets()` and `serverSideEmit()`,
   * where the call itself has no `timeout()`.
   * @default 5_000
   */
  requestTimeout?: number
}

/** The options with the defaults filled in. */
export interface ResolvedOptions {
  bus: ResolvedBusOptions
  requestTimeout: number
}

/**
 * Checks the options and fills in the defaults.
 * @throws OptionError
 */
export function resolveOptions(options: ZmqAdapterOptions): ResolvedOptions {
  const { requestTimeout, ...busOptions } = options
  rejectUnknownOptions(options, [...BUS_OPTION_NAMES, 'requestTimeout'])
  const bus = resolveBusOptions(busOptions)
  if (bus.curve?.role === 'emitter') {
    throw new OptionError(
      `option curve.secretKey: ${options.curve?.secretKey} is the key of an emitter, which may not ` +
        'hear what servers say; make one for this server with: npx zmq-broker keygen --role node',
    )
  }
  return {
    bus,
    requestTimeout: integerOption('requestTimeout', requestTimeout, 5_000, 1, 2_147_483_647),
  }
}
