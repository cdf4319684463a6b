/**
 * Who is in which room, and to which rooms the nodes send. The first node sends and the others
 * receive, unless a scene says otherwise; where there is one node only, it does both.
 */

/** Rooms with names of one length, so that only who is in them makes a difference. */
export const Room = {
  MATCH: 'room:with-a-socket',
  NO_MATCH: 'room:with-no-one..',
  /** Its sockets read when the message was emitted. */
  LATENCY: 'room:with-a-clock.',
  /** The client of each node that tells how far its clients have come. */
  WEB_PROGRESS: 'room:of-milestones',
  /** Its sockets acknowledge. */
  ACKNOWLEDGING: 'room:that-answers.',
} as const

/** Users, each of them in a room of his own. */
const USERS = 10_000
const CHAT_ROOMS = 1_500
/** Sockets in each chat room, on each of two nodes. */
const CHAT_SOCKETS_PER_NODE = 2
/** Sockets on each node that are looked for. */
const FETCHED_PER_NODE = 100
/** Clients with a real connection, over all nodes. */
export const WEB_CLIENTS = 1_000

/** What a socket does with what it gets, besides being counted. */
export type Part = 'count' | 'time' | 'acknowledge'

export interface Scene {
  part: Part
  /** The rooms of a node's sockets, one for each socket. */
  sockets(node: number, nodes: number): string[]
  /** The rooms that a node sends to, one after the other; none if it does not send. */
  targets(node: number, nodes: number): string[]
  /** How many sockets get each message. */
  copies(nodes: number): number
  /** Clients with real connections stand in for the sockets. */
  isWeb?: boolean
}

const all = {
  room: oneRoom(Room.MATCH, 'count'),
  empty: { ...oneRoom(Room.NO_MATCH, 'count'), sockets: () => [], copies: () => 0 },
  timed: oneRoom(Room.LATENCY, 'time'),
  acknowledging: oneRoom(Room.ACKNOWLEDGING, 'acknowledge'),
  users: {
    part: 'count',
    sockets: (node, nodes) =>
      receives(node, nodes)
        ? users(USERS).filter((_, i) => i % receivers(nodes) === Math.max(0, node - 1))
        : [],
    targets: (node) => (node === 0 ? users(USERS) : []),
    copies: () => 1,
  },
  chat: {
    part: 'count',
    sockets: (node, nodes) =>
      chatRooms(node, nodes).flatMap((room) =>
        Array.from({ length: CHAT_SOCKETS_PER_NODE * (nodes === 1 ? 2 : 1) }, () => room),
      ),
    targets: chatRooms,
    copies: () => CHAT_SOCKETS_PER_NODE * 2,
  },
  fetched: {
    part: 'count',
    sockets: () => Array.from({ length: FETCHED_PER_NODE }, () => Room.MATCH),
    targets: (node) => (node === 0 ? [Room.MATCH] : []),
    copies: (nodes) => FETCHED_PER_NODE * nodes,
  },
  'web-room': {
    part: 'count',
    isWeb: true,
    sockets: () => [],
    targets: (node) => (node === 0 ? [Room.MATCH] : []),
    copies: () => WEB_CLIENTS,
  },
  'web-users': {
    part: 'time',
    isWeb: true,
    sockets: () => [],
    targets: (node) => (node === 0 ? users(WEB_CLIENTS) : []),
    copies: () => 1,
  },
} as const satisfies Record<string, Scene>

export type SceneName = keyof typeof all
export const scenes: Readonly<Record<SceneName, Scene>> = all

/**
 * One socket of each node that counts is in it, and tells how far the node has come. Each scene has a
 * new one: when its first milestone comes, all subscriptions made before are in force.
 */
export function progressRoom(scenesBefore: number): string {
  return `room:milestones-${String(scenesBefore).padStart(2, '0')}`
}

/** The room of one user. */
export function userRoom(user: number): string {
  return `user:${String(user).padStart(5, '0')}`
}

/** Whether a node has sockets that only receive. */
export function receives(node: number, nodes: number): boolean {
  return nodes === 1 || node > 0
}

function receivers(nodes: number): number {
  return Math.max(1, nodes - 1)
}

function users(count: number): string[] {
  return Array.from({ length: count }, (_, i) => userRoom(i))
}

/** Those with a member on the node; each room has members on two nodes, if there are two. */
function chatRooms(node: number, nodes: number): string[] {
  const rooms: string[] = []
  for (let i = 0; i < CHAT_ROOMS; i++) {
    if (i % nodes === node || (i + 1) % nodes === node) rooms.push(`chat:${i}`)
  }
  return rooms
}

function oneRoom(room: string, part: Part): Scene {
  return {
    part,
    sockets: (node, nodes) => (receives(node, nodes) ? [room] : []),
    targets: (node) => (node === 0 ? [room] : []),
    copies: receivers,
  }
}
