import { NoBrokerError } from './errors.js'
import type { ResolvedBusOptions } from './options.js'

/** Warns, through the process, that no broker has answered, and says how to start one. */
export function warnOfNoBroker(options: ResolvedBusOptions, afterMs: number): void {
  const error = new NoBrokerError(noBrokerMessage(options, afterMs))
  process.emitWarning(error.message, { type: error.name, code: 'ZMQ_NO_BROKER' })
}

function noBrokerMessage({ brokers }: ResolvedBusOptions, afterMs: number): string {
  const [first] = brokers
  if (first === undefined) {
    return (
      `no broker answered on the sockets given as pubClient and subClient within ${afterMs} ms; ` +
      'check that both are connected to a running zmq-broker, and have the keys that it asks for'
    )
  }
  const where = brokers.map(({ pub, sub }) => `${pub} and ${sub}`).join(', ')
  const argument = (endpoint: string) => /^tcp:.*:(\d+)$/.exec(endpoint)?.[1] ?? endpoint
  return (
    `no broker answered at ${where} within ${afterMs} ms; start one with: ` +
    `npx zmq-broker --pub ${argument(first.pub)} --sub ${argument(first.sub)}`
  )
}
