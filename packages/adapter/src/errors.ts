/**
 * Something that another server asked for cannot be sent to it: it is reported where the answer is,
 * and what the asker waits for is rejected with another of these.
 */
export class AnswerError extends Error {
  override name = 'AnswerError'

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
  }
}
