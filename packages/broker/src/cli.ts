import { readFileSync } from 'node:fs'
import { announce, warning } from './announcement.js'
import { Broker } from './broker.js'
import { createCommand, flagOf } from './command.js'
import { BrokerError, OptionRelatedError } from './errors.js'
import { describeKey, type KeygenOptions, makeKey } from './keygen.js'
import type { BrokerOptions } from './options.js'

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string }

async function serve(options: BrokerOptions): Promise<void> {
  const broker = new Broker(options)
  broker.on('refused', ({ message }) => say(message))
  broker.on('warning', (message) => say(`warning: ${message}`))
  broker.on('revoked', (keys) => {
    const names = keys.map(({ role, name }) => `${role} "${name}"`).join(', ')
    say(`the key of ${names} was taken away: everyone connects again, and who may not is refused`)
  })
  // They stay in place while the broker stops, so that a second signal does no harm.
  process.on('SIGINT', () => broker.stop())
  process.on('SIGTERM', () => broker.stop())

  await broker.start()
  const ended = broker.ended()
  const { endpoints, publicKey, authorized } = broker
  const keys = publicKey === undefined ? undefined : { publicKey, ...options, ...authorized }
  process.stdout.write(`${announce(version, endpoints, keys)}\n`)
  const caution = keys === undefined ? warning(endpoints) : undefined
  if (caution !== undefined) process.stderr.write(`\nWarning: ${caution}\n`)
  await ended
}

function keygen(options: KeygenOptions): void {
  process.stdout.write(`${describeKey(makeKey(options))}\n`)
}

function say(message: string): void {
  process.stderr.write(`zmq-broker: ${message}\n`)
}

function report(error: unknown): void {
  process.exitCode = 1
  const message =
    error instanceof OptionRelatedError
      ? error.messageWith(flagOf(error.option))
      : error instanceof BrokerError
        ? error.message
        : String(error)
  say(message)
}

// That nobody reads the output any more (`zmq-broker | head -1`) is no reason to stop.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

await createCommand(version, serve, keygen).parseAsync().catch(report)
