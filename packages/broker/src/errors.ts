import type { BrokerOptions } from './options.js'

type OptionName = keyof BrokerOptions

/** The base of every error that a broker throws on purpose. */
export class BrokerError extends Error {
  override readonly name: string = 'BrokerError'
}

/**
 * An error that one option can mend. The same option bears another name on the command line, so the
 * message is written around the name.
 */
export abstract class OptionRelatedError extends BrokerError {
  readonly #write: (option: string) => string

  /** @param write writes the message around the option's name */
  constructor(
    readonly option: OptionName,
    write: (option: string) => string,
    cause?: unknown,
  ) {
    super(write(`option "${option}"`), cause === undefined ? undefined : { cause })
    this.#write = write
  }

  /** The message, with the option called `name` (on the command line: `--pub`). */
  messageWith(name: string): string {
    return this.#write(name)
  }
}

/** An option of {@link Broker} has a value that it may not have. */
export class BrokerOptionError extends OptionRelatedError {
  override readonly name = 'BrokerOptionError'

  /**
   * @param requirement what the option must be, as the end of a sentence: `must be a port from …`
   * @param received the value that was given
   */
  constructor(
    option: OptionName,
    readonly requirement: string,
    readonly received: unknown,
  ) {
    super(option, (name) => `${name} ${requirement}; it is ${show(received)}`)
  }
}

/** The broker cannot listen where it was told to: the port is in use, the address is not ours. */
export class BrokerBindError extends OptionRelatedError {
  override readonly name = 'BrokerBindError'

  /**
   * @param option the option that says where to listen
   * @param endpoint the endpoint that could not be bound
   * @param code the system's code for it, for example `EADDRINUSE`
   */
  constructor(
    option: OptionName,
    readonly endpoint: string,
    readonly code: string,
    write: (option: string) => string,
    cause?: unknown,
  ) {
    super(option, write, cause)
  }
}

/**
 * The broker would listen where others than this machine can connect, and has no keys to tell them
 * apart: protected mode.
 */
export class BrokerProtectedError extends OptionRelatedError {
  override readonly name = 'BrokerProtectedError'

  /**
   * @param option the option that says where to listen
   * @param host the address that is open to others
   */
  constructor(
    option: OptionName,
    readonly host: string,
  ) {
    super(
      option,
      (name) =>
        `${name} opens the broker to all who reach ${host}, and without keys they could read and say ` +
        'everything: make keys with "npx zmq-broker keygen", and give --curve-key and ' +
        '--authorized-keys (curveKey, authorizedKeys); or, in a network that you trust, say ' +
        '--insecure (insecure: true)',
    )
  }
}

/** A method was called at a time when it cannot do its work: `start()` on a broker that runs. */
export class BrokerStateError extends BrokerError {
  override readonly name = 'BrokerStateError'
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return String(value)
}
