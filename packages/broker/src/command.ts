import { Command, InvalidArgumentError, Option } from 'commander'
import { BrokerOptionError } from './errors.js'
import { type BrokerOptions, check, defaults } from './options.js'

type OptionName = keyof BrokerOptions

/** One option as the command line knows it. */
interface Flag {
  readonly flag: string
  readonly value: string
  readonly description: string
  /** Makes of the text what {@link BrokerOptions} takes, or leaves it as it is. */
  readonly read?: (text: string) => number | string
  /** The default as a person would write it. */
  readonly defaultText?: string
}

const flags: Record<OptionName, Flag> = {
  pub: {
    flag: '--pub',
    value: 'port|endpoint',
    description: 'where publishers connect',
  },
  sub: {
    flag: '--sub',
    value: 'port|endpoint',
    description: 'where subscribers connect',
  },
  host: {
    flag: '--host',
    value: 'address',
    description: 'address that has both ports',
  },
  pubHighWaterMark: {
    flag: '--pub-hwm',
    value: 'frames',
    description: 'frames kept from each publisher',
    read: readNumber,
  },
  subHighWaterMark: {
    flag: '--sub-hwm',
    value: 'frames',
    description: 'frames kept for each subscriber',
    read: readNumber,
  },
  maxMessageSize: {
    flag: '--max-message-size',
    value: 'bytes',
    description: 'largest part of a message',
    read: readBytes,
    defaultText: '64MiB',
  },
  heartbeatInterval: {
    flag: '--heartbeat-interval',
    value: 'ms',
    description: 'time between pings',
    read: readNumber,
  },
  heartbeatTimeout: {
    flag: '--heartbeat-timeout',
    value: 'ms',
    description: 'time to answer a ping',
    read: readNumber,
  },
  settleTime: {
    flag: '--settle-time',
    value: 'ms',
    description: 'wait for subscribers',
    read: readNumber,
  },
}

// Shown below the options, in lines of at most 80 columns.
const notes = `
An endpoint is tcp://host:port or ipc:///path; a size may end in KiB, MiB, GiB.
0 is a free port, no limit, or no pings.

Each option can also be set in the environment, such as ZMQ_BROKER_PUB for --pub
and ZMQ_BROKER_SUB_HWM for --sub-hwm. A flag wins over its variable.

Examples:
  zmq-broker --host 0.0.0.0
  zmq-broker --pub ipc:///tmp/zmq-pub.sock --sub ipc:///tmp/zmq-sub.sock`

const optionNames = Object.keys(flags) as OptionName[]

/** What an option is called on the command line: `--pub-hwm`. */
export function flagOf(option: OptionName): string {
  return flags[option].flag
}

/**
 * The `zmq-broker` command.
 *
 * @param serve is called with what the flags and the environment say
 */
export function createCommand(
  version: string,
  serve: (options: BrokerOptions) => Promise<void>,
): Command {
  const command = new Command('zmq-broker')
    .description('Passes messages between the Socket.IO servers and emitters of a ZeroMQ cluster.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', notes)
    .configureHelp({ optionDescription: describe })
    .configureOutput({ outputError: (message, write) => write(oneLine(message)) })

  const options = optionNames.map((name) => [name, createOption(name)] as const)
  for (const [, option] of options) command.addOption(option)

  return command.action(async () => {
    const values = options.map(([name, option]) => [
      name,
      command.getOptionValue(option.attributeName()),
    ])
    await serve(Object.fromEntries(values))
  })
}

function createOption(name: OptionName): Option {
  const { flag, value, description, read = String, defaultText } = flags[name]
  const environmentVariable = `ZMQ_BROKER_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`
  return new Option(`${flag} <${value}>`, description)
    .default(defaults[name], defaultText)
    .env(environmentVariable)
    .argParser((text) => {
      try {
        const result = read(text)
        check[name](result)
        return result
      } catch (error) {
        if (!(error instanceof BrokerOptionError)) throw error
        throw new InvalidArgumentError(`It ${error.requirement}.`)
      }
    })
}

function describe({ description, defaultValue, defaultValueDescription }: Option): string {
  if (defaultValue === undefined) return description
  return `${description} (default: ${defaultValueDescription ?? defaultValue})`
}

function oneLine(message: string): string {
  return `zmq-broker: ${message
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')}\n`
}

function readNumber(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text
}

const bytesPer: Record<string, number> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

function readBytes(text: string): number | string {
  const [, count, unit = ''] = /^(\d+)(KiB|MiB|GiB)?$/.exec(text) ?? []
  return count === undefined ? text : Number(count) * (bytesPer[unit] ?? 1)
}
