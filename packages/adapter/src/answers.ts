import {
  ClosedError,
  MessageType,
  MsgpackWriter,
  writeClusterMessage,
} from 'socket.io-zeromq-emitter/bus'
import { AnswerError } from './errors.js'

/** How many of the sockets that cannot be sent are named in an error. */
const MAX_NAMED = 10

type Data = Record<string, unknown>

/**
 * Says an answer to another server. What of it cannot be sent is left out and reported, or else the
 * other server is told why there is no answer: it would wait for it in vain.
 * @param say - says the answer with such data
 * @throws ClosedError
 */
export function sayAnswer(
  type: number,
  data: Data,
  say: (data: Data) => void,
  report: (error: Error) => void,
): void {
  try {
    return say(data)
  } catch (error) {
    if (error instanceof ClosedError) throw error
    const { requestId, sockets } = data
    if (type === MessageType.FETCH_SOCKETS_RESPONSE) {
      const sendable = sendableOf(sockets as Data[], report)
      if (sendable.length < (sockets as Data[]).length) {
        return sayAnswer(type, { requestId, sockets: sendable }, say, report)
      }
    }
    const reason = reasonOf(error)
    report(new AnswerError(`an answer to another server could not be sent: ${reason}`, error))
    say({ requestId, error: reason })
  }
}

/** The sockets that can be sent; the others are reported. */
function sendableOf(sockets: readonly Data[], report: (error: Error) => void): Data[] {
  const unsendable: string[] = []
  const sendable = sockets.filter((socket) => {
    const reason = whyUnsendable(socket)
    if (reason !== undefined) unsendable.push(`${socket.id} (${reason})`)
    return reason === undefined
  })
  if (unsendable.length === 0) return sendable
  const named = unsendable.slice(0, MAX_NAMED).join('; ')
  const unnamed = unsendable.length - MAX_NAMED
  report(
    new AnswerError(
      `fetchSockets() of another server is answered without ${unsendable.length} of ` +
        `${sockets.length} sockets, which cannot be sent: ${named}` +
        `${unnamed > 0 ? `; and ${unnamed} more` : ''}`,
    ),
  )
  return sendable
}

/** Which part of a socket cannot be sent, and why. */
function whyUnsendable(socket: Data): string | undefined {
  for (const [field, value] of Object.entries(socket)) {
    try {
      writeClusterMessage(new MsgpackWriter(), MessageType.FETCH_SOCKETS_RESPONSE, '', [[[value]]])
    } catch (error) {
      return `its ${field}: ${reasonOf(error)}`
    }
  }
  return undefined
}

/** User code may be run by what looks at a value, and may throw anything. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
