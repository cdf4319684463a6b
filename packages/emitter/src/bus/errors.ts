/** An option that cannot be used as it was given. */
export class OptionError extends TypeError {
  override name = 'OptionError'
}

/** No broker has answered; not fatal: the bus goes on trying. */
export class NoBrokerError extends Error {
  override name = 'NoBrokerError'
}

/**
 * A broker refuses this process, or something keeps the two from finding a common language: a key that
 * is not authorised, a key where none is wanted, none where one is. Not fatal: the bus goes on trying,
 * and is there once the broker has been told of the key.
 */
export class AuthenticationError extends Error {
  override name = 'AuthenticationError'

  constructor(
    message: string,
    /** The broker's endpoint that refused. */
    readonly endpoint: string,
    readonly reason: DenialReason,
  ) {
    super(message)
  }
}

/**
 * Why a broker refused: `key` it does not accept this key here; `no-key` it takes only who has a key;
 * `no-curve` it takes nobody with a key; `handshake` it ended the connection before it was
 * established, most often because `serverKey` is not its key.
 */
export type DenialReason = 'key' | 'no-key' | 'no-curve' | 'handshake'

/** Something was asked of a bus (or an emitter, or an adapter) that is closed. */
export class ClosedError extends Error {
  override name = 'ClosedError'
}

/** What was said did not reach a broker in the time given. */
export class FlushTimeoutError extends Error {
  override name = 'FlushTimeoutError'
}

/** A message larger than brokers and receivers let pass. */
export class MessageTooLargeError extends RangeError {
  override name = 'MessageTooLargeError'
}

/** Messages that waited for the link were given up, because more than the journal holds waited. */
export class JournalOverflowError extends Error {
  override name = 'JournalOverflowError'
}
