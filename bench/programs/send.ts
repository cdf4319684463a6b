import { setTimeout as sleep } from 'node:timers/promises'
import type { MessageLike, Publisher, XPublisher } from 'zeromq'

/** Milliseconds to wait when ZeroMQ's queue is full. */
const BACK_OFF_MS = 1

/** Sends on a socket that drops nothing: waits while its queue is full. */
export async function send(socket: XPublisher | Publisher, parts: MessageLike[]): Promise<void> {
  for (;;) {
    try {
      return await socket.send(parts)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await sleep(BACK_OFF_MS)
    }
  }
}
