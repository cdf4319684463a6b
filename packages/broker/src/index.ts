export { Broker } from './broker.js'
export { BrokerBindError, BrokerError, BrokerOptionError, BrokerStateError } from './errors.js'
export type { BrokerEndpoints } from './forwarder.js'
export type { BrokerOptions } from './options.js'
