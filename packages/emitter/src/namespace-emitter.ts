import { BroadcastOperator, rejectCallback } from './operator.js'
import type { DefaultEventsMap, EventsMap } from './typed-events.js'
import { MessageType } from './wire/cluster.js'

/** Event names that a namespace keeps for itself. */
const RESERVED_EVENTS: ReadonlySet<string> = new Set(['connect', 'connection', 'new_namespace'])

/** Emits to the clients, and to the servers, of one namespace. */
export class NamespaceEmitter<
  Events extends EventsMap = DefaultEventsMap,
> extends BroadcastOperator<Events> {
  /**
   * Emits to the Socket.IO servers themselves: each gets the event on its namespace.
   * @throws Error on a reserved event name or an acknowledgement callback, MessageTooLargeError,
   *   ClosedError
   */
  serverSideEmit(event: string, ...args: unknown[]): void {
    if (RESERVED_EVENTS.has(event)) throw new Error(`"${event}" is a reserved event name`)
    rejectCallback(args)
    this.say(MessageType.SERVER_SIDE_EMIT, { packet: [event, ...args] })
  }
}
