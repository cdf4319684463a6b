/** Event names and the signatures of their listeners, as in Socket.IO's own typed events. */
export interface EventsMap {
  // biome-ignore lint/suspicious/noExplicitAny: as Socket.IO has it; a user's signatures must fit
  [event: string]: any
}

/** Any event with any arguments. */
export interface DefaultEventsMap {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  [event: string]: (...args: any[]) => void
}

export type EventNames<Map extends EventsMap> = keyof Map & string

export type EventParams<Map extends EventsMap, Name extends EventNames<Map>> = Parameters<Map[Name]>
