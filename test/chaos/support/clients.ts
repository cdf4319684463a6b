import { setTimeout as sleep } from 'node:timers/promises'
import { io, type Socket } from 'socket.io-client'
import { Ledger, type StreamReport } from './ledger.js'
import { LOAD_EVENT, LOAD_ROOM } from './load.js'

/** What a client has got, by the senders' names. */
export interface ClientReport {
  name: string
  streams: Record<string, StreamReport>
  /** Why its connection ended, if it did. */
  disconnected: string | undefined
}

/** Milliseconds between a message's saying and its coming. */
export interface Latency {
  messages: number
  p50: number
  p99: number
  max: number
}

interface Client {
  name: string
  socket: Socket
  ledgers: Map<string, Ledger>
  disconnected: string | undefined
  /** While somebody measures: milliseconds from the saying to the coming. */
  latencies: number[] | undefined
}

/** The clients of a test, all in one process, that keep account of every message. */
export class Clients {
  readonly #clients = new Map<string, Client>()

  /** Connects a client to the server at a port, and lets it join the room of the loads. */
  async connect(name: string, port: number): Promise<void> {
    const socket = io(`http://127.0.0.1:${port}`, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
    })
    const client: Client = {
      name,
      socket,
      ledgers: new Map(),
      disconnected: undefined,
      latencies: undefined,
    }
    this.#clients.set(name, client)
    socket.on('disconnect', (reason) => {
      client.disconnected = reason
    })
    socket.on(LOAD_EVENT, (sender: string, number: number, saidAt: number) => {
      const now = performance.now()
      let ledger = client.ledgers.get(sender)
      if (ledger === undefined) {
        ledger = new Ledger()
        client.ledgers.set(sender, ledger)
      }
      ledger.enter(number, now)
      client.latencies?.push(performance.timeOrigin + now - saidAt)
    })
    socket.on('question', (question: number, answer: (response: string) => void) => {
      answer(`${question} to ${name}`)
    })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('connect_error', reject)
    })
    await socket.emitWithAck('join', LOAD_ROOM)
  }

  /** Takes a client out of the account. */
  forget(name: string): void {
    this.#clients.get(name)?.socket.disconnect()
    this.#clients.delete(name)
  }

  /**
   * Waits until clients have heard senders up to the numbers given.
   * @param names - the clients, all of them by default
   * @returns false if they have not within the time
   */
  async heard(upTo: Record<string, number>, timeoutMs: number, names?: string[]): Promise<boolean> {
    const clients = this.#named(names)
    const deadline = performance.now() + timeoutMs
    const haveHeard = () =>
      clients.every(({ ledgers }) =>
        Object.entries(upTo).every(([sender, number]) => {
          const last = ledgers.get(sender)?.last ?? 0
          return last >= number
        }),
      )
    while (!haveHeard()) {
      if (performance.now() > deadline) return false
      await sleep(10)
    }
    return true
  }

  /** Measures the latency of the messages that come to some clients from now on. */
  measureLatency(names: string[]): void {
    for (const client of this.#named(names)) client.latencies = []
  }

  /** The latency of the messages that have come since {@link measureLatency}, which ends. */
  takeLatency(): Latency {
    const latencies: number[] = []
    for (const client of this.#clients.values()) {
      for (const latency of client.latencies ?? []) latencies.push(latency)
      client.latencies = undefined
    }
    latencies.sort((a, b) => a - b)
    const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? 0
    return { messages: latencies.length, p50: at(0.5), p99: at(0.99), max: at(1) }
  }

  report(): ClientReport[] {
    return this.#named().map(({ name, ledgers, disconnected }) => ({
      name,
      streams: Object.fromEntries([...ledgers].map(([sender, { report }]) => [sender, report])),
      disconnected,
    }))
  }

  #named(names?: string[]): Client[] {
    const clients = [...this.#clients.values()]
    return names === undefined ? clients : clients.filter(({ name }) => names.includes(name))
  }
}
