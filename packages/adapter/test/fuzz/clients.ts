import { inspect } from 'node:util'
import type { Namespace, Server } from 'socket.io'
import { decodePacket } from '../../../emitter/test/fuzz/packets.js'

/** A client of the fuzzed node: its namespace, and its rooms. */
export interface Client {
  id: string
  nsp: string
  rooms: ReadonlySet<unknown>
}

/** Who is there: in each of two namespaces somebody in `room`, and somebody in another. */
export const CLIENTS: readonly Client[] = [
  { id: 'one', nsp: '/', rooms: new Set(['one', 'room']) },
  { id: 'two', nsp: '/', rooms: new Set(['two', 'other', '']) },
  { id: 'three', nsp: '/admin', rooms: new Set(['three', 'room', '__proto__']) },
]

/** How the parts of a packet are told from others. */
export function keyOfParts(parts: readonly unknown[]): string {
  const keys = parts.map((part) =>
    typeof part === 'string' ? `text ${part}` : `bytes ${(part as Buffer).toString('hex')}`,
  )
  return keys.join('\n')
}

/** How values of any kind are told from others. */
export function keyOfValue(value: unknown): string {
  return inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null })
}

/** Gives a server its clients, without connections: what would go to them is told. */
export function addClients(io: Server, tell: (what: string) => void): void {
  for (const client of CLIENTS) {
    const nsp = io.of(client.nsp)
    const socket = makeSocket(client, tell)
    nsp.sockets.set(client.id, socket as never)
    nsp.adapter.addAll(client.id, new Set(client.rooms as Set<string>))
  }
  for (const nsp of new Set(CLIENTS.map(({ nsp }) => io.of(nsp)))) listenTo(nsp, tell)
}

function listenTo(nsp: Namespace, tell: (what: string) => void): void {
  nsp._onServerSideEmit = (args: unknown[]) => {
    const said = typeof args.at(-1) === 'function' ? args.slice(0, -1) : args
    tell(`said ${nsp.name} ${keyOfValue(said)}`)
    const answer = args.at(-1)
    if (typeof answer === 'function') answer('answered')
  }
}

function makeSocket({ id, rooms }: Client, tell: (what: string) => void) {
  return {
    id,
    rooms,
    handshake: { auth: {} },
    data: {},
    acks: new Map(),
    notifyOutgoingListeners() {},
    join: (rooms: unknown) => tell(`join ${id} ${keyOfValue(rooms)}`),
    leave: (room: unknown) => tell(`leave ${id} ${keyOfValue(room)}`),
    disconnect: (close: unknown) => tell(`disconnect ${id} ${close}`),
    client: {
      writeToEngine(parts: unknown[], options: { volatile?: boolean; compress?: boolean }) {
        // a packet that wants an acknowledgement has been encoded again, with an id
        const isAsked = options.constructor === Object
        const { volatile, compress } = options
        const what = isAsked ? keyOfValue(decodePacket(parts)) : keyOfParts(parts)
        tell(`${isAsked ? 'ask' : 'emit'} ${id} ${volatile} ${compress} ${what}`)
      },
    },
  }
}
