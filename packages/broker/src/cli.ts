import { readFileSync } from 'node:fs'
import { announce, warning } from './announcement.js'
import { Broker } from './broker.js'
import { createCommand, flagOf } from './command.js'
import { BrokerBindError, BrokerError, BrokerOptionError } from './errors.js'
import type { BrokerOptions } from './options.js'

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string }

async function serve(options: BrokerOptions): Promise<void> {
  const broker = new Broker(options)
  // They stay in place while the broker stops, so that a second signal does no harm.
  process.on('SIGINT', () => broker.stop())
  process.on('SIGTERM', () => broker.stop())

  await broker.start()
  const ended = broker.ended()
  process.stdout.write(`${announce(version, broker.endpoints)}\n`)
  const caution = warning(broker.endpoints)
  if (caution !== undefined) process.stderr.write(`\nWarning: ${caution}\n`)
  await ended
}

function report(error: unknown): void {
  process.exitCode = 1
  const message =
    error instanceof BrokerOptionError || error instanceof BrokerBindError
      ? error.messageWith(flagOf(error.option))
      : error instanceof BrokerError
        ? error.message
        : String(error)
  process.stderr.write(`zmq-broker: ${message}\n`)
}

// That nobody reads the output any more (`zmq-broker | head -1`) is no reason to stop.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

await createCommand(version, serve).parseAsync().catch(report)
