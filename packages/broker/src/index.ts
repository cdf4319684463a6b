export { Broker, type BrokerEvents } from './broker.js'
export {
  BrokerBindError,
  BrokerError,
  BrokerOptionError,
  BrokerProtectedError,
  BrokerStateError,
} from './errors.js'
export type { BrokerEndpoints } from './forwarder.js'
export type { BrokerOptions } from './options.js'
export type { Door, RefusalReason, ToldRefusal as Refusal } from './refusals.js'
