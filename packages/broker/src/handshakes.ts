import { eventsOf } from 'socket.io-zeromq-emitter/bus'
import type { Socket } from 'zeromq'
import type { Door, RefusalReason } from './refusals.js'

/** A peer with which no connection came about, for another reason than its key. */
export interface FailedHandshake {
  readonly door: Door
  /** Where the broker listens. */
  readonly endpoint: string
  readonly reason: Exclude<RefusalReason, 'unknown-key' | 'role'>
}

/**
 * Tells of handshakes that fail at a socket. Has to be called before a proxy runs on it.
 *
 * @param usesCurve whether the socket takes only who has a key
 */
export function watchHandshakes(
  socket: Socket,
  door: Door,
  endpoint: string,
  usesCurve: boolean,
  onFailed: (failed: FailedHandshake) => void,
): void {
  const events = eventsOf(socket)
  events.on('handshake:error:protocol', ({ error }) => {
    onFailed({ door, endpoint, reason: reasonOf(error.code, usesCurve) })
  })
  // Without keys it is nothing but a client that has left again, or somebody who tries the port.
  if (!usesCurve) return
  events.on('handshake:error:other', () => onFailed({ door, endpoint, reason: 'ended' }))
}

function reasonOf(code: string, usesCurve: boolean): FailedHandshake['reason'] {
  if (code === 'ERR_ZMTP_MECHANISM_MISMATCH') return usesCurve ? 'no-key' : 'has-key'
  if (code === 'ERR_ZMTP_CRYPTOGRAPHIC') return 'server-key'
  return 'protocol'
}
