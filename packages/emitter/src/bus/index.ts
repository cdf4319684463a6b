/**
 * The bus on which the adapter and the emitter stand, for libraries that build on the same wire:
 * `socket.io-zeromq-emitter/bus`.
 *
 * @packageDocumentation
 */
export {
  type Address,
  Broadcast,
  type EncodedPart,
  UnsendablePartError,
  writeBroadcast,
} from '../wire/broadcast.js'
export {
  BUCKETS,
  bucketOf,
  bucketOfNamespace,
  bucketOfRoom,
  bucketsOfRooms,
} from '../wire/buckets.js'
export {
  type ClusterMessage,
  MessageType,
  readClusterMessage,
  writeClusterMessage,
} from '../wire/cluster.js'
export { type Control, ControlType, readControl, writeControl } from '../wire/control.js'
export { Encoding, type Envelope, Envelopes, type WireFlags } from '../wire/envelope.js'
export {
  type FrameHeader,
  type IncomingMessage,
  IncomingMessages,
  readHeader,
  readMessages,
  UnknownVersionError,
  WIRE_VERSION,
  writeHeader,
} from '../wire/frame.js'
export {
  MalformedFrameError,
  type MalformedReason,
  MsgpackReader,
  MsgpackWriter,
} from '../wire/msgpack.js'
export { writeAscii, writeText } from '../wire/text.js'
export { type Topic, Topics, UID_LENGTH } from '../wire/topics.js'
export {
  Bus,
  type BusEvents,
  type BusKind,
  type SubscriptionMode,
} from './bus.js'
export type { CurveOptions } from './curve.js'
export {
  AuthenticationError,
  ClosedError,
  type DenialReason,
  FlushTimeoutError,
  JournalOverflowError,
  MessageTooLargeError,
  NoBrokerError,
  OptionError,
} from './errors.js'
export {
  type BrokerEndpoints,
  BUS_OPTION_NAMES,
  type BusOptions,
  choiceOption,
  integerOption,
  type ResolvedBusOptions,
  rejectUnknownOptions,
  resolveBusOptions,
} from './options.js'
export type { RefusalReason, Refused } from './refusals.js'
export { eventsOf } from './socket-events.js'
export { type BusStats, NO_STATS } from './stats.js'
