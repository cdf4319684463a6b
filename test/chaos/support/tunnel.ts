import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** One direction of a connection through a tunnel: what goes in comes out in order, if at all. */
class Lane {
  readonly #to: Socket
  readonly #tunnel: Tunnel
  readonly #chunks: { bytes: Buffer; leavesAt: number }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, tunnel: Tunnel) {
    this.#to = to
    this.#tunnel = tunnel
    from.on('data', (bytes: Buffer) => {
      this.#chunks.push({ bytes, leavesAt: performance.now() + tunnel.delayMs })
      this.forward()
    })
  }

  /** Lets go what has been under way for long enough. */
  forward(): void {
    clearTimeout(this.#timer)
    if (this.#tunnel.isHolding) return
    const now = performance.now()
    for (;;) {
      const first = this.#chunks[0]
      if (first === undefined) return
      if (first.leavesAt > now) {
        this.#timer = setTimeout(() => this.forward(), Math.ceil(first.leavesAt - now))
        return
      }
      this.#chunks.shift()
      this.#to.write(first.bytes)
    }
  }

  close(): void {
    clearTimeout(this.#timer)
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
    for (const lane of this.#lanes) lane.forward()
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
        for (const lane of lanes) {
          lane.close()
          this.#lanes.delete(lane)
        }
        near.destroy()
        far.destroy()
      })
    }
  }
}
