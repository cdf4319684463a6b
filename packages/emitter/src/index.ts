/**
 * Emits to the clients of a cluster of Socket.IO servers from any process, over ZeroMQ.
 *
 * @packageDocumentation
 */
export type { BusEvents } from './bus/bus.js'
export type { CurveOptions } from './bus/curve.js'
export {
  AuthenticationError,
  ClosedError,
  type DenialReason,
  FlushTimeoutError,
  JournalOverflowError,
  MessageTooLargeError,
  NoBrokerError,
  OptionError,
} from './bus/errors.js'
export type { BrokerEndpoints, BusOptions } from './bus/options.js'
export type { BusStats } from './bus/stats.js'
export { Emitter, type EmitterOptions, type Parser } from './emitter.js'
export { NamespaceEmitter } from './namespace-emitter.js'
export { BroadcastOperator } from './operator.js'
export type { DefaultEventsMap, EventNames, EventParams, EventsMap } from './typed-events.js'
export { UnsendablePartError } from './wire/broadcast.js'
