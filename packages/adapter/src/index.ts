/**
 * A Socket.IO adapter that lets many servers act as one, over ZeroMQ.
 *
 * @packageDocumentation
 */
export {
  AuthenticationError,
  type BrokerEndpoints,
  type BusEvents,
  ClosedError,
  type CurveOptions,
  type DenialReason,
  FlushTimeoutError,
  JournalOverflowError,
  MessageTooLargeError,
  NoBrokerError,
  OptionError,
  UnsendablePartError,
} from 'socket.io-zeromq-emitter/bus'
export type { ZmqAdapter } from './adapter.js'
export type { ZmqAdapterStats } from './cluster.js'
export { AnswerError } from './errors.js'
export {
  type ZmqAdapterFactory,
  zmqAdapter,
  zmqAdapter as createAdapter,
} from './factory.js'
export type { ZmqAdapterOptions } from './options.js'
