import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** One direction of a connection through a tunnel. */
class Lane {
  readonly #to: Socket
  readonly #tunnel: Tunnel
  /** What comes later leaves later, also when the delay has become shorter. */
  #lastLeavesAt = 0
  readonly #held: Buffer[] = []

  constructor(from: Socket, to: Socket, tunnel: Tunnel) {
    this.#to = to
    this.#tunnel = tunnel
    from.on('data', (chunk: Buffer) => this.#carry(chunk))
  }

  /** Lets go what was held. */
  release(): void {
    for (const chunk of this.#held.splice(0)) this.#carry(chunk)
  }

  #carry(chunk: Buffer): void {
    if (this.#tunnel.isHolding) {
      this.#held.push(chunk)
      return
    }
    const now = performance.now()
    this.#lastLeavesAt = Math.max(this.#lastLeavesAt, now + this.#tunnel.delayMs)
    const write = () => void this.#to.write(chunk)
    if (this.#lastLeavesAt <= now) write()
    else setTimeout(write, this.#lastLeavesAt - now)
  }
}

/** A TCP proxy to a port of this machine, which is as bad a network as it is told to be. */
export class Tunnel {
  /** Where it listens. */
  readonly port: number
  /** How long each byte is under way. */
  delayMs = 0
  isHolding = false
  readonly #target: number
  #server: Server | undefined
  readonly #sockets = new Set<Socket>()
  readonly #lanes = new Set<Lane>()

  private constructor(port: number, target: number) {
    this.port = port
    this.#target = target
  }

  static async open(port: number, target: number): Promise<Tunnel> {
    const tunnel = new Tunnel(port, target)
    await tunnel.accept()
    return tunnel
  }

  /** Cuts the connections there are. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Cuts the connections there are, and takes no others until {@link accept}. */
  async refuse(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = new Promise((resolve) => server.close(resolve))
    this.cut()
    await closed
  }

  async accept(): Promise<void> {
    this.#server = createServer((socket) => this.#carry(socket)).listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Keeps what comes, without a word to either side, until {@link release}. */
  hold(): void {
    this.isHolding = true
  }

  release(): void {
    this.isHolding = false
    for (const lane of this.#lanes) lane.release()
  }

  #carry(near: Socket): void {
    const far = connect(this.#target, '127.0.0.1')
    const lanes = [new Lane(near, far, this), new Lane(far, near, this)]
    for (const lane of lanes) this.#lanes.add(lane)
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {}) // it is closed, too
      socket.on('close', () => {
        this.#sockets.delete(socket)
        for (const lane of lanes) this.#lanes.delete(lane)
        near.destroy()
        far.destroy()
      })
    }
  }
}
