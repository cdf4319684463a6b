import {
  BUS_OPTION_NAMES,
  type BusOptions,
  choiceOption,
  integerOption,
  OptionError,
  type ResolvedBusOptions,
  rejectUnknownOptions,
  resolveBusOptions,
  type SubscriptionMode,
} from 'socket.io-zeromq-emitter/bus'

/** The options of `zmqAdapter()`. */
export interface ZmqAdapterOptions extends BusOptions {
  /**
   * Milliseconds that other servers are given to answer `fetchSockets()` and `serverSideEmit()`,
   * where the call itself has no `timeout()`.
   * @default 5_000
   */
  requestTimeout?: number
  /**
   * What this server hears of what the others say to a room, or to a namespace other than `/`.
   * `static`: everything, and it passes over what is not for its clients. `dynamic`: what is for
   * rooms and namespaces that it has, and a little more. Servers of both kinds can be in one cluster.
   * `dynamic` does not go together with `subClient`.
   * @default "static"
   */
  subscriptionMode?: SubscriptionMode
}

/** The options with the defaults filled in. */
export interface ResolvedOptions {
  bus: ResolvedBusOptions
  requestTimeout: number
  subscriptionMode: SubscriptionMode
}

const MODES: readonly SubscriptionMode[] = ['static', 'dynamic']

/**
 * Checks the options and fills in the defaults.
 * @throws OptionError
 */
export function resolveOptions(options: ZmqAdapterOptions): ResolvedOptions {
  const { requestTimeout, subscriptionMode, ...busOptions } = options
  rejectUnknownOptions(options, [...BUS_OPTION_NAMES, 'requestTimeout', 'subscriptionMode'])
  const bus = resolveBusOptions(busOptions)
  if (bus.curve?.role === 'emitter') {
    throw new OptionError(
      `option curve.secretKey: ${options.curve?.secretKey} is the key of an emitter, which may not ` +
        'hear what servers say; make one for this server with: npx zmq-broker keygen --role node',
    )
  }
  const mode = choiceOption('subscriptionMode', subscriptionMode, 'static', MODES)
  if (mode === 'dynamic' && options.subClient !== undefined) {
    throw new OptionError(
      'option subscriptionMode "dynamic" cannot be combined with subClient: a ready-made socket ' +
        'drops subscriptions beyond its high-water mark',
    )
  }
  return {
    bus,
    subscriptionMode: mode,
    requestTimeout: integerOption('requestTimeout', requestTimeout, 5_000, 1, 2_147_483_647),
  }
}
