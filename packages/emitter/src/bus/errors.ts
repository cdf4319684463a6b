/** An option that cannot be used as it was given. */
export class OptionError extends TypeError {
  override name = 'OptionError'
}

/** No broker has answered; not fatal: the bus goes on trying. */
export class NoBrokerError extends Error {
  override name = 'NoBrokerError'
}

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
