import type { Observer, Socket } from 'zeromq'

const TRIES = 16

/**
 * The events of a socket. zeromq.js names the inner endpoint through which they come after a place in
 * memory, and a socket that was closed a moment ago may still hold that name: "Address already in
 * use" (https://github.com/zeromq/zeromq.js/issues/716). The next try is given another name, since
 * the place of the one before is not free again yet.
 *
 * @throws what zeromq.js throws for another reason, or after 16 tries
 */
export function eventsOf(socket: Pick<Socket, 'events'>): Observer {
  for (let tries = 1; ; tries++) {
    try {
      return socket.events
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries === TRIES) throw error
    }
  }
}
