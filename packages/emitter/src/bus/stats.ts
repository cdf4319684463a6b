import { Refusals, type Refused } from './refusals.js'

/** Counters since the start, and the state of the moment. */
export interface BusStats {
  link: 'up' | 'down'
  /** Other nodes in the cluster. */
  members: number
  framesSent: number
  /** Those of them that went only to the nodes which may have somebody in the room. */
  framesDirected: number
  messagesSent: number
  bytesSent: number
  /** Messages that wait to be sent. */
  messagesHeld: number
  /** Messages given up before they were sent, because more waited than the journal holds. */
  messagesDropped: number
  /** Bytes of the frames in the journal, those that wait to be sent and those kept for repairs. */
  journalBytes: number
  /** Frames sent again to those who had missed them. */
  repairsSent: number
  /** Frames of others that were for us, duplicates included. */
  framesReceived: number
  messagesReceived: number
  bytesReceived: number
  /** Frames that had come before. */
  framesDuplicate: number
  /** Frames that we had missed and that were sent again to us. */
  framesRepaired: number
  /** Frames of others that are lost for good. */
  framesLost: number
  /** Frames that wait for one before them. */
  framesHeldBack: number
  /** Bytes of those frames. */
  bytesHeldBack: number
  /** Buckets that are subscribed to, where a node does not hear all of them. */
  bucketsSubscribed: number
  /** How often a client joined a room before it was certain that everything for it comes here. */
  joinsUnconfirmed: number
  /** Frames refused because they are not what the protocol says. */
  framesMalformed: number
  /** Frames refused because they are in an unknown version of the protocol. */
  framesUnknownVersion: number
  /** Messages refused because their fields are not what the protocol says. */
  messagesMalformed: number
  /** What was refused, by reason; all that is malformed is in this too. */
  refused: Refused
}

/** The counters of a bus that has not been opened. */
export const NO_STATS: Readonly<BusStats> = {
  link: 'down',
  members: 0,
  framesSent: 0,
  framesDirected: 0,
  messagesSent: 0,
  bytesSent: 0,
  messagesHeld: 0,
  messagesDropped: 0,
  journalBytes: 0,
  repairsSent: 0,
  framesReceived: 0,
  messagesReceived: 0,
  bytesReceived: 0,
  framesDuplicate: 0,
  framesRepaired: 0,
  framesLost: 0,
  framesHeldBack: 0,
  bytesHeldBack: 0,
  bucketsSubscribed: 0,
  joinsUnconfirmed: 0,
  framesMalformed: 0,
  framesUnknownVersion: 0,
  messagesMalformed: 0,
  refused: Refusals.NONE,
}
