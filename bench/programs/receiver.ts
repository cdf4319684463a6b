import type { Server } from 'socket.io'
import { tell } from '../calls.js'
import { age, milestoneIn } from '../messages.js'
import { Room, receives, type SceneName, scenes } from '../scenes.js'
import { StubSocket, type Tally } from '../stub-socket.js'
import { Progress } from './progress.js'

/** A node's sockets, and what has arrived at them. */
export class Receiver {
  readonly #io: Server
  readonly #node: number
  readonly #nodes: number
  readonly progress = new Progress(tell)
  #sockets: StubSocket[] = []
  #tally: Tally = { count: 0 }
  #latencies: number[] = []

  constructor(io: Server, node: number, nodes: number) {
    this.#io = io
    this.#node = node
    this.#nodes = nodes
  }

  /** Messages that have arrived since the scene began. */
  get count(): number {
    return this.#tally.count
  }

  /** Takes the sockets of the last scene away and puts those of another into their rooms. */
  async occupy(name: SceneName): Promise<void> {
    for (const socket of this.#sockets) socket.leave(this.#io)
    this.#tally = { count: 0 }
    const scene = scenes[name]
    this.#sockets = scene.sockets(this.#node, this.#nodes).map((room) => {
      const socket: StubSocket = new StubSocket(
        room,
        this.#tally,
        scene.part === 'time'
          ? (packet) => this.#latencies.push(age(packet))
          : scene.part === 'acknowledge'
            ? (packet) => socket.acknowledge(packet)
            : undefined,
      )
      return socket
    })
    // last: when a milestone comes, all subscriptions made before are in force
    if (this.#sockets.length > 0 || receives(this.#node, this.#nodes)) {
      this.#sockets.push(
        new StubSocket(Room.PROGRESS, { count: 0 }, (packet) =>
          this.progress.note(milestoneIn(packet)),
        ),
      )
    }
    await Promise.all(this.#sockets.map((socket) => socket.join(this.#io)))
  }

  /** Begins to count anew. */
  begin(): void {
    this.progress.begin()
    this.#tally.count = 0
    this.forgetLatencies()
  }

  forgetLatencies(): void {
    this.#latencies = []
  }

  /** Microseconds from `emit()` to the stub socket, of each message since they were forgotten. */
  get latencies(): Float64Array {
    return Float64Array.from(this.#latencies)
  }
}
