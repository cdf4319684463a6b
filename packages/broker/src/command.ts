import { Command, InvalidArgumentError, Option } from 'commander'
import { BrokerOptionError } from './errors.js'
import { isRole, type KeygenOptions } from './keygen.js'
import { type BrokerOptions, check, defaults } from './options.js'

type OptionName = keyof BrokerOptions

/** One option as the command line knows it. */
interface Flag {
  readonly flag: string
  readonly value: string
  /** Without a value it is as with this one. */
  readonly withoutValue?: string
  readonly description: string
  /** Makes of the text what {@link BrokerOptions} takes, or leaves it as it is. */
  readonly read?: (text: string) => number | string | boolean
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
    description: 'address that has the ports',
  },
  emitterSub: {
    flag: '--emitter-sub',
    value: 'port|endpoint',
    description: 'where emitters with a key subscribe',
    defaultText: '5557 with a key',
  },
  curveKey: {
    flag: '--curve-key',
    value: 'file',
    description: 'private key of this broker',
  },
  authorizedKeys: {
    flag: '--authorized-keys',
    value: 'folder',
    description: 'public keys of who may connect',
  },
  insecure: {
    flag: '--insecure',
    value: 'yes|no',
    withoutValue: 'yes',
    description: 'let others in without keys',
    read: readYesOrNo,
    defaultText: 'no',
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

Without a key, only this machine can connect, unless --insecure says otherwise.

Examples:
  zmq-broker keygen --role broker
  zmq-broker --host 0.0.0.0 --curve-key broker.key --authorized-keys clients
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
 * @param keygen is called with what the flags of `zmq-broker keygen` say
 */
export function createCommand(
  version: string,
  serve: (options: BrokerOptions) => Promise<void>,
  keygen: (options: KeygenOptions) => void,
): Command {
  const command = new Command('zmq-broker')
    .description('Passes messages between the Socket.IO servers and emitters of a ZeroMQ cluster.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', notes)
    .configureHelp({ optionDescription: describe })
    .configureOutput({ outputError: (message, write) => write(oneLine(message)) })

  const options = optionNames.map((name) => [name, createOption(name)] as const)
  for (const [, option] of options) command.addOption(option)
  command.addCommand(createKeygen(keygen), { hidden: false })

  return command.action(async () => {
    const values = options.map(([name, option]) => [
      name,
      command.getOptionValue(option.attributeName()),
    ])
    await serve(Object.fromEntries(values))
  })
}

function createKeygen(keygen: (options: KeygenOptions) => void): Command {
  return new Command('keygen')
    .description('makes a key for a broker, a server (node) or an emitter')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', keygenNotes)
    .configureOutput({ outputError: (message, write) => write(oneLine(message)) })
    .addOption(
      new Option('--role <role>', 'what the key is for: node, emitter or broker')
        .default('node')
        .argParser((text) => {
          if (isRole(text)) return text
          throw new InvalidArgumentError('It must be node, emitter or broker.')
        }),
    )
    .option('--name <name>', 'who will have it (default: the role)')
    .option('--out <folder>', 'where to write the files', '.')
    .action(({ role, name, out }) => keygen({ role, name: name ?? role, out }))
}

const keygenNotes = `
It writes NAME.key, which holds the secret key and stays with its owner, and
NAME.pub, which holds the public key alone. Files that are there are left alone.`

function createOption(name: OptionName): Option {
  const { flag, value, withoutValue, description, read = String, defaultText } = flags[name]
  const environmentVariable = `ZMQ_BROKER_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`
  const isOptional = withoutValue !== undefined
  const option = new Option(`${flag} ${isOptional ? `[${value}]` : `<${value}>`}`, description)
  if (isOptional) option.preset(withoutValue)
  return option
    .default(defaultOf(name), defaultText)
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

/** What holds where neither flag nor variable is given, as far as it does not depend on others. */
function defaultOf(name: OptionName): number | string | boolean | undefined {
  return name === 'emitterSub' ? undefined : (defaults as BrokerOptions)[name]
}

function describe({ description, defaultValue, defaultValueDescription }: Option): string {
  if (defaultValue === undefined && defaultValueDescription === undefined) return description
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

function readYesOrNo(text: string): boolean | string {
  if (/^(yes|true|1)$/.test(text)) return true
  return /^(no|false|0)$/.test(text) ? false : text
}

const bytesPer: Record<string, number> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

function readBytes(text: string): number | string {
  const [, count, unit = ''] = /^(\d+)(KiB|MiB|GiB)?$/.exec(text) ?? []
  return count === undefined ? text : Number(count) * (bytesPer[unit] ?? 1)
}
